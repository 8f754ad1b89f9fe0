// SPDX-License-Identifier: Apache-2.0
// Options that all commands have: --json, --quiet, --config.
#include "program/small_videos.hpp"
#include "support/shared_data.hpp"
#include <doctest/doctest.h>

#include <map>

namespace {

using namespace testing;
using list = std::vector<std::string>;

/// A command of each kind that succeeds, with its output below `folder`.
std::map<std::string, list> successful_commands(temporary_folder const& folder) {
  small_collection const& small = small_collection::get();
  return {
      {"bench step", {"bench", "step", "--dim", "8", "--batch", "2", "--clips", "2", "--runs", "1", "--threads", "1"}},
      {"bench decode", {"bench", "decode", small.some_video(), "--runs", "1"}},
      {"embed", {"embed", small.test_store(), "--model", small.run(), "--out", folder / "v.npy"}},
      {"extract", words({{"extract", small.some_video(), "--out", folder / "s.store"}, small_views("val", 3)})},
      {"info", {"info"}},
      {"inspect", {"inspect", small.train_store(), small.some_video()}},
      {"pretrain", words({{"pretrain", small.train_store(), "--out", folder / "run"}, small_training(2)})},
      {"probe",
       {"probe", "--train", small.train_store(), "--test", small.test_store(), "--model", small.run(), "--method",
        "knn,linear", "--k", "3", "--epochs", "1", "--batch", "4", "--threads", "1"}},
      {"verify", {"verify", golden("scale/layer_softmax.safetensors")}}};
}

TEST_CASE("--json: one object per line on standard output, and nothing else") {
  temporary_folder const folder;
  for (auto const& [name, command] : successful_commands(folder)) {
    outcome const done = scale_program(words({command, {"--json"}}));
    INFO(name, ": ", done.err);
    CHECK(done.code == 0);
    CHECK(!done.json_lines().empty());
    CHECK(done.out.ends_with('\n'));
  }
}

TEST_CASE("without --json: results for people on standard output, no JSON") {
  temporary_folder const folder;
  for (auto const& [name, command] : successful_commands(folder)) {
    outcome const done = scale_program(command);
    INFO(name, ": ", done.out, done.err);
    CHECK(done.code == 0);
    CHECK(!done.out.empty());
    CHECK(!done.out.starts_with("{"));
    CHECK(!contains(done.out, " left"));  // of a progress line
  }
}

TEST_CASE("--quiet: nothing on standard error where all goes well, the same on standard output") {
  temporary_folder const folder;
  for (auto const& [name, command] : successful_commands(folder)) {
    outcome const done = scale_program(words({command, {"--quiet"}}));
    INFO(name);
    CHECK(done.code == 0);
    CHECK(done.err == "");
    CHECK(!done.out.empty());
  }
}

TEST_CASE("common options may stand before the command as well") {
  outcome const done = scale_program({"--json", "info"});
  CHECK(done.code == 0);
  CHECK(done.json_lines().size() == 1);
}

TEST_CASE("--config: options from a file, wherever it stands; those on the line win") {
  temporary_folder const folder;
  std::string const config =
      folder.write("bench.json", R"({"dim": 12, "batch": 2, "clips": 2, "runs": 1, "json": true})");
  auto const dim_of = [](list const& arguments) {
    outcome const done = scale_program(arguments);
    INFO("it said: ", done.err);
    REQUIRE(done.code == 0);
    auto const lines = done.json_lines();
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].at("batch") == 2);
    return lines[0].at("dim").get<int>();
  };
  CHECK(dim_of({"bench", "step", "--config", config}) == 12);
  CHECK(dim_of({"bench", "step", "--config=" + config}) == 12);
  CHECK(dim_of({"bench", "step", "--dim", "16", "--config", config}) == 16);
  CHECK(dim_of({"bench", "step", "--config", config, "--dim", "16"}) == 16);
  CHECK(dim_of({"bench", "step", "--config", config, "--dim=16"}) == 16);
}

TEST_CASE("--config: lists are options with several values, and a list on the line replaces that of the file") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  std::string const config = folder.write("probe.json", nlohmann::json{{"train", small.train_store()},
                                                                       {"test", small.test_store()},
                                                                       {"method", {"knn", "ridge"}},
                                                                       {"k", 3},
                                                                       {"json", true}}
                                                            .dump());
  auto const methods_of = [](list const& arguments) {
    outcome const done = scale_program(arguments);
    INFO("it said: ", done.err);
    REQUIRE(done.code == 0);
    list methods;
    for (auto const& row : done.json_lines())
      if (row.at("method") != "metadata") methods.push_back(row.at("method"));
    return methods;
  };
  CHECK(methods_of({"probe", "--config", config}) == list{"knn", "ridge"});
  CHECK(methods_of({"probe", "--config", config, "--method", "ridge"}) == list{"ridge"});
}

TEST_CASE("--config: what is no file of options is refused by name") {
  temporary_folder const folder;
  SUBCASE("damaged: exit code 3") {
    for (std::string const text : {"", "{", "[1]", "\"text\"", "{\"dim\": 8} more", "{\"dim\": {\"a\": 1}}"}) {
      std::string const config = folder.write("config.json", text);
      outcome const done = scale_program({"bench", "step", "--config", config});
      INFO("config: ", text, "; it said: ", done.err);
      CHECK(done.code == 3);
      CHECK(contains(done.err, config));
    }
  }
  SUBCASE("an option the command does not have: exit code 2") {
    std::string const config = folder.write("config.json", R"({"nonsense": 8})");
    outcome const done = scale_program({"bench", "step", "--config", config});
    INFO("it said: ", done.err);
    CHECK(done.code == 2);
    CHECK(contains(done.err, "nonsense"));
    CHECK(contains(done.err, config));
  }
  SUBCASE("two files: exit code 2") {
    std::string const config = folder.write("config.json", R"({"threads": 1})");
    outcome const done = scale_program({"info", "--config", config, "--config", config});
    INFO("it said: ", done.err);
    CHECK(done.code == 2);
    CHECK(contains(done.err, "--config"));
  }
}

}  // namespace
