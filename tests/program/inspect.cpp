// SPDX-License-Identifier: Apache-2.0
// scale inspect: what a file is, what is in it, whether it is whole.
#include <scale/io/npy.hpp>

#include "program/small_videos.hpp"
#include "support/shared_data.hpp"
#include <doctest/doctest.h>

#include <array>

namespace {

using namespace testing;
using nlohmann::json;
using list = std::vector<std::string>;

std::vector<json> inspect(list const& files, int code) {
  outcome const done = scale_program(words({{"inspect", "--json"}, files}));
  INFO("it said: ", done.out, done.err);
  CHECK(done.code == code);
  auto lines = done.json_lines();
  REQUIRE(lines.size() == files.size());
  for (std::size_t i = 0; i < files.size(); ++i) CHECK(lines[i].at("file") == files[i]);
  return lines;
}

void expect_kind(json const& object, std::string const& kind) {
  INFO("object: ", object.dump());
  CHECK(contains(object.at("kind").get<std::string>(), kind));
  CHECK(object.at("whole") == true);
}

std::filesystem::path checkpoint_in(std::filesystem::path const& run) {
  std::filesystem::path found;
  for (auto const& entry : std::filesystem::directory_iterator(run))
    if (entry.path().filename().string().starts_with("checkpoint-")) found = entry.path();
  REQUIRE(!found.empty());
  return found;
}

TEST_CASE("inspect: every kind of file says what it is") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  std::array<float, 6> const numbers{};
  scale::write_npy(folder / "a.npy", scale::as_stored("a", {2, 3}, std::span<float const>(numbers)));
  auto const all = inspect({small.train_store(), small.model(), checkpoint_in(small.run()), folder / "a.npy",
                            small.some_video(), golden("scale/layer_softmax.safetensors")},
                           0);
  expect_kind(all[0], "store");
  CHECK(all[0].at("videos") == small.train_videos);
  CHECK(all[0].at("fingerprint").get<std::string>().size() == 64);
  expect_kind(all[1], "model");
  CHECK(contains(all[1].dump(), "motion_energy"));
  CHECK(contains(all[1].dump(), "paper"));
  expect_kind(all[2], "checkpoint");
  CHECK(contains(all[2].dump(), "60"));  // its step: 20 epochs of 3
  expect_kind(all[3], "npy");
  CHECK(all[3].at("shape") == json{2, 3});
  CHECK(all[3].at("dtype") == "F32");
  expect_kind(all[4], "video");
  CHECK(scale_program({"inspect", small.some_video(), "--json", "--no-sandbox"}).json_lines().at(0) == all[4]);
  CHECK(all[4].at("frames") == 24);
  CHECK(all[4].at("width") == 64);
  CHECK(all[4].at("height") == 48);
  CHECK(all[4].at("fps").get<double>() == doctest::Approx(30));
  CHECK(all[4].at("errors") == 0);
  expect_kind(all[5], "golden");
}

TEST_CASE("inspect: text for people, each file under its name") {
  small_collection const& small = small_collection::get();
  outcome const done = scale_program({"inspect", small.train_store(), small.some_video()});
  CHECK(done.code == 0);
  auto const lines = lines_of(done.out);
  CHECK(std::find(lines.begin(), lines.end(), small.train_store().string()) != lines.end());
  CHECK(std::find(lines.begin(), lines.end(), small.some_video().string()) != lines.end());
  CHECK(contains(done.out, "whole: true"));
}

TEST_CASE("inspect: a damaged file is not whole, says why, and the others are still looked at: exit code 3") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  std::string const store = bytes_of(small.train_store()), model = bytes_of(small.model()),
                    checkpoint = bytes_of(checkpoint_in(small.run())), video = bytes_of(small.some_video());
  write_small_video(folder / "cut.mkv", 0, 1, 60);
  std::string const matroska = bytes_of(folder / "cut.mkv");
  list const damages = {folder.write("cut.store", store.substr(0, store.size() - 1)),
                        folder.write("flip.store", with_damage(store, static_cast<std::ptrdiff_t>(store.size() / 2))),
                        folder.write("cut.safetensors", model.substr(0, model.size() - 1)),
                        folder.write("header.safetensors", with_damage(model, 9)),
                        folder.write("flip.safetensors", with_damage(model, -1)),
                        folder.write("flipped.safetensors", with_damage(checkpoint, -1)),
                        folder.write("checkpoint.safetensors", checkpoint.substr(0, checkpoint.size() / 2)),
                        folder.write("cut.npy", std::string("\x93NUMPY\x01\x00", 8)),
                        folder.write("cut.mp4", video.substr(0, video.size() / 2)),
                        folder.write("cut.mkv", matroska.substr(0, matroska.size() * 2 / 3)),
                        folder.write("empty", ""),
                        folder.write("text.txt", "a letter"),
                        folder / "absent",
                        folder.path()};
  for (std::string const& file : damages) {
    auto const lines = inspect({file, small.some_video()}, 3);
    INFO("file: ", file, ": ", lines[0].dump());
    CHECK(lines[0].at("whole") == false);
    bool const says_why = lines[0].contains("error") || !lines[0].value("first_error", std::string()).empty();
    CHECK(says_why);
    CHECK(lines[1].at("whole") == true);
  }
}

TEST_CASE("inspect: names and contents that are not UTF-8 are no reason to fail") {
  temporary_folder const folder;
  std::string const name = folder / "caf\xe9.mp4";
  std::filesystem::copy_file(small_collection::get().some_video(), name);
  outcome const done = scale_program({"inspect", name, "--json"});
  INFO("it said: ", done.err);
  CHECK(done.code == 0);
  auto const lines = done.json_lines();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].at("whole") == true);
}

}  // namespace
