// SPDX-License-Identifier: Apache-2.0
// examples/own_backbone.cpp: that it stores what its backbone computes, refuses wrong weights, and is what
// docs/add-a-backbone.md shows.
#include <scale/data/feature_store.hpp>
#include <scale/io/safetensors_writer.hpp>
#include <scale/io/sha256.hpp>

#include "program/small_videos.hpp"
#include "support/shared_data.hpp"
#include <doctest/doctest.h>

namespace {

using namespace testing;

void write_weights(std::filesystem::path const& file, char const* name, std::vector<float> const& weight,
                   std::vector<float> const& bias) {
  std::vector<scale::stored_tensor> const tensors = {
      scale::as_stored(name, {16, 3}, std::span<float const>(weight)),
      scale::as_stored("colours.bias", {16}, std::span<float const>(bias))};
  scale::write_safetensors(file, tensors);
}

TEST_CASE("own_backbone: features are the linear layer of mean colours, under its own name") {
  temporary_folder const folder;
  std::vector<float> weight(48, 0.f), bias(16, 0.f);
  for (std::size_t i = 0; i < 3; ++i) weight[4 * i] = 1;  // features 0 to 2: red, green, blue
  bias[3] = 7;
  write_weights(folder / "w", "colours.weight", weight, bias);
  outcome const done = run(SCALE_TEST_OWN_BACKBONE, {small_collection::get().some_video(), folder / "w", folder / "s"});
  INFO("it said: ", done.err);
  REQUIRE(done.code == 0);
  CHECK(done.out == "1 videos stored, 0 failed\n");
  scale::feature_store const store(folder / "s",
                                   {.backbone = "colour", .weights_sha256 = scale::sha256_of_file(folder / "w")});
  CHECK(store.feature_width() == 16);
  std::vector<float> const features = store.features_as<float>(0);
  for (std::size_t clip = 0; clip < features.size() / 16; ++clip) {
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(features[clip * 16 + i] > -1);
      CHECK(features[clip * 16 + i] < 1);
      CHECK(features[clip * 16 + i] != 0);
    }
    CHECK(features[clip * 16 + 3] == 7);
    for (std::size_t i = 4; i < 16; ++i) CHECK(features[clip * 16 + i] == 0);
  }
}

TEST_CASE("own_backbone: wrong weights and wrong usage are said") {
  temporary_folder const folder;
  write_weights(folder / "w", "other", std::vector<float>(48, 1.f), std::vector<float>(16, 0.f));
  outcome const done = run(SCALE_TEST_OWN_BACKBONE, {small_collection::get().some_video(), folder / "w", folder / "s"});
  CHECK(done.code == 1);
  CHECK(contains(done.err, "1 missing: colours.weight"));
  CHECK(contains(done.err, "1 unused: other"));
  CHECK_FALSE(std::filesystem::exists(folder / "s"));
  CHECK(run(SCALE_TEST_OWN_BACKBONE, {}).code == 2);
}

TEST_CASE("the C++ that docs/add-a-backbone.md shows is that of examples/own_backbone.cpp") {
  std::string const page = bytes_of(source_dir() / "docs" / "add-a-backbone.md"),
                    example = bytes_of(source_dir() / "examples" / "own_backbone.cpp"), begin = "```cpp\n", end = "```";
  int blocks = 0;
  for (std::size_t at = page.find(begin); at != std::string::npos; at = page.find(begin, at)) {
    at += begin.size();
    std::string const block = page.substr(at, page.find(end, at) - at);
    INFO("block: ", block);
    CHECK(contains(example, block));
    ++blocks;
  }
  CHECK(blocks == 2);
}

}  // namespace
