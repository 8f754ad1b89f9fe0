// SPDX-License-Identifier: Apache-2.0
// scale embed: one vector per video, their names beside them, and what is refused.
#include <scale/io/npy.hpp>

#include "program/small_videos.hpp"
#include <doctest/doctest.h>

#include <cmath>

namespace {

using namespace testing;
using nlohmann::json;
using list = std::vector<std::string>;

constexpr int x_width = small_collection::feature_width, cls_width = small_collection::model_width;

outcome embed(std::filesystem::path const& input, std::filesystem::path const& out, list const& more = {}) {
  return scale_program(words({{"embed", input, "--model", small_collection::get().run(), "--out", out}, more}));
}

/// The same of videos, which need to be told how clips are made.
outcome embed_videos(std::filesystem::path const& input, std::filesystem::path const& out, list const& more = {}) {
  list views = small_views("val", 3);
  views.erase(views.begin(), views.begin() + 2);  // the backbone is the model's
  return embed(input, out, words({views, more}));
}

/// vectors.npy, row by row.
std::vector<std::vector<float>> vectors_of(std::filesystem::path const& file) {
  scale::npy_file const npy(file);
  auto const& shape = npy.tensor().shape;
  REQUIRE(shape.size() == 2);
  CHECK(npy.tensor().type == scale::stored_type::f32);
  std::vector<float> const all = npy.read<float>();
  std::vector<std::vector<float>> rows;
  for (auto at = all.begin(); at != all.end(); at += shape[1]) rows.emplace_back(at, at + shape[1]);
  return rows;
}

double length(std::vector<float> const& row, int begin, int end) {
  double squares = 0;
  for (int i = begin; i < end; ++i) squares += std::pow(static_cast<double>(row.at(static_cast<std::size_t>(i))), 2);
  return std::sqrt(squares);
}

std::vector<json> names_beside(std::filesystem::path npy) {
  std::vector<json> lines;
  for (std::string const& line : lines_of(bytes_of(npy.replace_extension(".jsonl"))))
    lines.push_back(json::parse(line));
  return lines;
}

TEST_CASE("embed: one row per video of a folder in the order of their names; both parts have length 1") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  outcome const done = embed_videos(small.videos(), folder / "vectors.npy", {"--json"});
  INFO("it said: ", done.err);
  REQUIRE(done.code == 0);
  constexpr int count = small_collection::train_videos + small_collection::test_videos;
  auto const result = done.json_lines();
  REQUIRE(result.size() == 1);
  CHECK(result[0].at("vectors") == (folder / "vectors.npy").string());
  CHECK(result[0].at("rows") == count);
  CHECK(result[0].at("width") == x_width + cls_width);
  CHECK(result[0].at("failed") == 0);
  CHECK(result[0].at("failures") == json::array());

  auto const rows = vectors_of(folder / "vectors.npy");
  REQUIRE(rows.size() == count);
  for (auto const& row : rows) {
    REQUIRE(row.size() == x_width + cls_width);
    CHECK(length(row, 0, x_width) == doctest::Approx(1).epsilon(1e-5));
    CHECK(length(row, x_width, x_width + cls_width) == doctest::Approx(1).epsilon(1e-5));
  }
  CHECK(rows[0] != rows[1]);

  auto const names = names_beside(folder / "vectors.npy");
  REQUIRE(names.size() == count + 1);
  CHECK(names[0].at("model_sha256").get<std::string>().size() == 64);
  CHECK(names[0].at("backbone") == "motion_energy");
  CHECK(names[0].contains("weights_sha256"));
  std::string before;
  for (std::size_t i = 1; i < names.size(); ++i) {
    CHECK(names[i].at("row") == i - 1);
    std::string const path = names[i].at("path");
    CHECK(std::filesystem::exists(small.videos() / path));
    CHECK(before < path);
    before = path;
  }
  CHECK(folder.names().size() == 2);
}

TEST_CASE("embed: a vector does not depend on its neighbours") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  std::filesystem::create_directories(folder / "two");
  std::filesystem::copy_file(small.videos() / "test0.mp4", folder / "two/a.mp4");
  std::filesystem::copy_file(small.videos() / "test1.mp4", folder / "two/b.mp4");
  REQUIRE(embed_videos(folder / "two", folder / "two.npy").code == 0);
  REQUIRE(embed_videos(folder / "two/a.mp4", folder / "a.npy").code == 0);
  REQUIRE(embed_videos(folder / "two/b.mp4", folder / "b.npy").code == 0);
  auto const two = vectors_of(folder / "two.npy");
  REQUIRE(two.size() == 2);
  CHECK(vectors_of(folder / "a.npy").at(0) == two[0]);
  CHECK(vectors_of(folder / "b.npy").at(0) == two[1]);
}

TEST_CASE("embed: a store gives the vectors that its videos give") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  REQUIRE(embed(small.test_store(), folder / "store.npy").code == 0);
  REQUIRE(embed_videos(small.test_list(), folder / "videos.npy").code == 0);
  CHECK(bytes_of(folder / "store.npy") == bytes_of(folder / "videos.npy"));
  CHECK(bytes_of(folder / "store.jsonl") == bytes_of(folder / "videos.jsonl"));
}

TEST_CASE("embed: a run's folder and its model file are the same model; the number of threads changes nothing") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  REQUIRE(embed(small.test_store(), folder / "run.npy").code == 0);
  REQUIRE(embed(small.test_store(), folder / "file.npy", {"--model", small.model(), "--threads", "3"}).code == 0);
  CHECK(bytes_of(folder / "run.npy") == bytes_of(folder / "file.npy"));
  CHECK(bytes_of(folder / "run.jsonl") == bytes_of(folder / "file.jsonl"));
}

TEST_CASE("embed: --features chooses the parts, --no-normalise leaves their lengths") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  auto const rows_with = [&](list const& options) {
    REQUIRE(embed(small.test_store(), folder / "v.npy", options).code == 0);
    return vectors_of(folder / "v.npy");
  };
  auto const both = rows_with({}), x = rows_with({"--features", "x"}), cls = rows_with({"--features", "cls"}),
             all = rows_with({"--features", "x+h+cls"}), raw = rows_with({"--no-normalise"});
  REQUIRE(x.at(0).size() == x_width);
  REQUIRE(cls.at(0).size() == cls_width);
  REQUIRE(all.at(0).size() == x_width + 2 * cls_width);
  for (std::size_t i = 0; i < both.size(); ++i) {
    std::vector<float> joined = x[i];
    joined.insert(joined.end(), cls[i].begin(), cls[i].end());
    CHECK(both[i] == joined);
    CHECK(length(all[i], x_width, x_width + cls_width) == doctest::Approx(1).epsilon(1e-5));
    double const x_length = length(raw[i], 0, x_width);
    CHECK(x_length != doctest::Approx(1).epsilon(1e-3));
    CHECK(raw[i][0] == doctest::Approx(static_cast<double>(both[i][0]) * x_length).epsilon(1e-5));
  }
}

TEST_CASE("embed: damaged videos are listed, the others embedded: exit code 1") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  std::filesystem::create_directories(folder / "videos");
  std::filesystem::copy_file(small.some_video(), folder / "videos/good.mp4");
  folder.write("videos/damaged.mp4", "this is no video");
  outcome const done = embed_videos(folder / "videos", folder / "v.npy", {"--json", "--quiet"});
  CHECK(done.code == 1);
  CHECK(contains(done.err, "damaged.mp4"));
  auto const result = done.json_lines();
  REQUIRE(result.size() == 1);
  CHECK(result[0].at("rows") == 1);
  CHECK(result[0].at("failed") == 1);
  REQUIRE(result[0].at("failures").size() == 1);
  CHECK(result[0].at("failures")[0].at("path") == "damaged.mp4");
  CHECK(!result[0].at("failures")[0].at("reason").get<std::string>().empty());
  CHECK(vectors_of(folder / "v.npy").size() == 1);
  CHECK(names_beside(folder / "v.npy").at(1).at("path") == "good.mp4");
}

TEST_CASE("embed: damaged models and stores: exit code 3, the file, nothing left behind") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder, out;
  auto const expect_refused = [&](outcome const& done, std::filesystem::path const& file) {
    INFO("it said: ", done.err);
    CHECK(done.code == 3);
    CHECK(done.out.empty());
    CHECK(contains(done.err, file.string()));
    CHECK(out.names().empty());
  };
  std::string const model = bytes_of(small.model()), store = bytes_of(small.test_store());
  for (std::string const& bytes : {std::string("text"), model.substr(0, model.size() - 1)}) {
    std::filesystem::path const file = folder.write("model.safetensors", bytes);
    expect_refused(embed_videos(small.videos(), out / "v.npy", {"--model", file}), file);
  }
  std::filesystem::path const file = folder.write("s.store", store.substr(0, store.size() / 2));
  expect_refused(embed(file, out / "v.npy"), file);
}

TEST_CASE("embed: replaces vectors, but no file of another kind, and never its input") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  auto const expect_refused = [&](std::filesystem::path const& input, std::filesystem::path const& out,
                                  std::filesystem::path const& kept) {
    std::string const before = bytes_of(kept);
    std::size_t const files = folder.names().size();
    outcome const done = embed(input, out);
    INFO("it said: ", done.err);
    CHECK((done.code == 2 || done.code == 3));
    CHECK(contains(done.err, kept.string()));
    CHECK(bytes_of(kept) == before);
    CHECK(folder.names().size() == files);
  };
  SUBCASE("vectors are replaced") {
    REQUIRE(embed(small.train_store(), folder / "v.npy").code == 0);
    REQUIRE(embed(small.test_store(), folder / "v.npy").code == 0);
    CHECK(vectors_of(folder / "v.npy").size() == small.test_videos);
    CHECK(names_beside(folder / "v.npy").size() == small.test_videos + 1);
  }
  SUBCASE("a text that is called .npy") {
    std::filesystem::path const file = folder.write("v.npy", "a letter");
    expect_refused(small.test_store(), file, file);
  }
  SUBCASE("a text in the place of the names") {
    std::filesystem::path const file = folder.write("v.jsonl", "a letter");
    expect_refused(small.test_store(), folder / "v.npy", file);
  }
  SUBCASE("the input") {
    std::filesystem::path const store = folder / "store.npy";
    std::filesystem::copy_file(small.test_store(), store);
    expect_refused(store, store, store);
  }
  SUBCASE("what is not called .npy") {
    std::filesystem::path const file = folder.write("v.txt", "a letter");
    expect_refused(small.test_store(), file, file);
  }
}

}  // namespace
