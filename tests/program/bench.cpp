// SPDX-License-Identifier: Apache-2.0
// scale bench and scale info: the keys that other programs rely on.
#include "program/small_videos.hpp"
#include <doctest/doctest.h>

namespace {

using namespace testing;
using nlohmann::json;
using list = std::vector<std::string>;

json measured(list const& more) {
  outcome const done = scale_program(words({{"bench"}, more, {"--json", "--threads", "1"}}));
  INFO("it said: ", done.err);
  REQUIRE(done.code == 0);
  auto const lines = done.json_lines();
  REQUIRE(lines.size() == 1);
  json const& object = lines[0];
  INFO("object: ", object.dump());
  CHECK(object.at("bench") == more.at(0));
  CHECK(object.at("seconds_min").get<double>() > 0);
  CHECK(object.at("seconds_median").get<double>() >= object.at("seconds_min").get<double>());
  CHECK(object.at("runs") == 3);
  CHECK(object.at("peak_rss_mb").get<double>() > 1);
  CHECK(object.at("backend").is_string());
  CHECK(object.at("dtype").is_string());
  return object;
}

TEST_CASE("bench step: a step of pre-training") {
  json const cpu = measured({"step", "--dim", "16", "--batch", "3", "--clips", "2", "--runs", "3", "--dtype", "f32"});
  CHECK(cpu.at("dim") == 16);
  CHECK(cpu.at("batch") == 3);
  CHECK(cpu.at("backend") == "cpu");
  CHECK(cpu.at("dtype") == "f32");
  CHECK(cpu.at("gflops").get<double>() > 0);
}

TEST_CASE("bench backbone: features of clips, also in double by plain loops") {
  json const cpu = measured(
      {"backbone", "--backbone", "motion_energy", "--frames", "4", "--size", "32", "--clips", "2", "--runs", "3"});
  CHECK(cpu.at("backbone") == "motion_energy");
  CHECK(cpu.at("size") == 32);
  CHECK(cpu.at("clips") == 2);
  CHECK(cpu.at("backend") == "cpu");
  json const ref = measured({"backbone", "--frames", "4", "--size", "32", "--runs", "3", "--backend", "ref"});
  CHECK(ref.at("backend") == "ref");
  json const half = measured({"backbone", "--frames", "4", "--size", "32", "--runs", "3", "--dtype", "bf16"});
  CHECK(half.at("dtype") == "bf16");
}

TEST_CASE("bench decode: all frames of a video or of a folder") {
  small_collection const& small = small_collection::get();
  json const one = measured({"decode", small.some_video(), "--runs", "3"});
  CHECK(one.at("videos") == 1);
  CHECK(one.at("frames") == 24);
  CHECK(one.at("frames_per_second").get<double>() > 0);
  json const all = measured({"decode", small.test_list(), "--runs", "3"});
  CHECK(all.at("videos") == small.test_videos);
  CHECK(all.at("frames") == 24 * small.test_videos);
}

TEST_CASE("bench decode: a damaged video is refused, not left out: exit code 3, its name") {
  temporary_folder const folder;
  std::string const file = folder.write("text.mp4", "this is no video");
  outcome const done = scale_program({"bench", "decode", file, "--json"});
  CHECK(done.code == 3);
  CHECK(done.out.empty());
  CHECK(contains(done.err, file));
}

TEST_CASE("info: the version and the backends that are compiled in") {
  outcome const text = scale_program({"info"});
  CHECK(text.code == 0);
  CHECK(text.err.empty());
  CHECK(contains(text.out, "cpu"));
  CHECK(contains(text.out, "ref"));

  outcome const done = scale_program({"info", "--json"});
  CHECK(done.code == 0);
  auto const lines = done.json_lines();
  REQUIRE(lines.size() == 1);
  CHECK(contains(text.out, lines[0].at("version").get<std::string>()));
  CHECK(scale_program({"--version"}).out == "scale " + lines[0].at("version").get<std::string>() + "\n");
  CHECK(contains(lines[0].at("backends").dump(), "\"cpu\""));
  CHECK(contains(lines[0].at("backends").dump(), "\"ref\""));
}

}  // namespace
