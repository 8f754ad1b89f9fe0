// SPDX-License-Identifier: Apache-2.0
// scale pretrain: what a run leaves, that it can be repeated and resumed bit for bit, and what is refused.
#include "program/small_videos.hpp"
#include <doctest/doctest.h>

#include <csignal>

namespace {

using namespace testing;
using nlohmann::json;
using list = std::vector<std::string>;

outcome pretrain(std::filesystem::path const& store, std::filesystem::path const& out, list const& more = {}) {
  return scale_program(words({{"pretrain", store, "--out", out}, more}));
}

void expect_done(outcome const& done) {
  INFO("it said: ", done.err);
  REQUIRE(done.code == 0);
}

/// The lines of metrics.jsonl without what differs from run to run.
std::vector<json> metrics_of(std::filesystem::path const& run) {
  std::vector<json> lines;
  for (std::string const& line : lines_of(bytes_of(run / "metrics.jsonl"))) {
    lines.push_back(json::parse(line));
    lines.back().erase("seconds");
  }
  return lines;
}

bool holds_checkpoint(temporary_folder const& folder, std::string const& run) {
  for (auto const& entry : std::filesystem::directory_iterator(folder / run))
    if (entry.path().filename().string().starts_with("checkpoint-")) return true;
  return false;
}

TEST_CASE("pretrain: a run's folder holds config, metrics, a checkpoint and the model") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  outcome const done =
      pretrain(small.train_store(), folder / "run", words({small_training(4), {"--json", "--lr", "0.001"}}));
  expect_done(done);
  auto const lines = done.json_lines();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].at("model") == (folder / "run/model.safetensors").string());
  CHECK(lines[0].at("steps") == 12);  // 4 epochs of 12 videos, 4 at a time
  for (char const* key : {"loss", "set_loss", "dense_loss", "set_acc", "dense_acc"})
    CHECK(lines[0].at(key).is_number());

  json const config = json::parse(bytes_of(folder / "run/config.json"));
  CHECK(config.at("epochs") == 4);
  CHECK(config.at("batch") == 4);
  CHECK(config.at("lr") == 0.001);
  CHECK(config.at("hidden") == 32);
  std::vector<json> const metrics = metrics_of(folder / "run");
  REQUIRE(metrics.size() == 12);
  CHECK(metrics.front().at("step") == 1);
  CHECK(metrics.back().at("step") == 12);
  CHECK(metrics.back().at("epoch") == 4);
  CHECK(metrics.back().at("loss") == lines[0].at("loss"));
  CHECK(holds_checkpoint(folder, "run"));
  CHECK(std::filesystem::exists(folder / "run/model.safetensors"));
}

TEST_CASE("pretrain: the defaults are those of the method") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  expect_done(pretrain(small.train_store(), folder / "run",
                       {"--epochs", "1", "--hidden", "32", "--head-width", "32", "--threads", "1"}));
  json const config = json::parse(bytes_of(folder / "run/config.json"));
  CHECK(config.at("lr") == 3e-4);
  CHECK(config.at("wd") == 1e-4);
  CHECK(config.at("warmup") == 0.05);
  CHECK(config.at("mask-ratio") == 0.25);
  CHECK(config.at("dropout") == 0.1);
  CHECK(config.at("layers") == 2);
  CHECK(config.at("input") == "paper");
  CHECK(config.at("seed") == 42);
}

TEST_CASE("pretrain: fewer videos than the batch are all of the batch, with a message") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  outcome const done =
      pretrain(small.train_store(), folder / "run", words({small_training(2), {"--batch", "512", "--json"}}));
  expect_done(done);
  CHECK(contains(done.err, "512"));
  CHECK(contains(done.err, "12 videos"));
  CHECK(done.json_lines().at(0).at("steps") == 2);
}

TEST_CASE("pretrain: a run's config.json given back repeats it bit for bit; options on the line win") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  list const options = words({small_training(3),
                              {"--input", "centred", "--seed", "7", "--lr", "0.002", "--wd", "0.01", "--temperature",
                               "0.3", "--dropout", "0.2"}});
  expect_done(pretrain(small.train_store(), folder / "first", options));
  std::string const config = folder / "first/config.json";
  expect_done(pretrain(small.train_store(), folder / "again", {"--config", config}));
  CHECK(bytes_of(folder / "again/model.safetensors") == bytes_of(folder / "first/model.safetensors"));
  CHECK(bytes_of(folder / "again/config.json") == bytes_of(folder / "first/config.json"));
  CHECK(metrics_of(folder / "again") == metrics_of(folder / "first"));

  expect_done(pretrain(small.train_store(), folder / "other", {"--seed", "8", "--config", config}));
  json const other = json::parse(bytes_of(folder / "other/config.json"));
  CHECK(other.at("seed") == 8);
  CHECK(other.at("input") == "centred");
  CHECK(bytes_of(folder / "other/model.safetensors") != bytes_of(folder / "first/model.safetensors"));
}

TEST_CASE("pretrain: the model does not depend on the number of threads, but on the seed") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  expect_done(pretrain(small.train_store(), folder / "three", words({small_training(20), {"--threads", "3"}})));
  CHECK(bytes_of(folder / "three/model.safetensors") == bytes_of(small.model()));
  expect_done(pretrain(small.train_store(), folder / "seed", words({small_training(20), {"--seed", "1"}})));
  CHECK(bytes_of(folder / "seed/model.safetensors") != bytes_of(small.model()));
}

TEST_CASE("pretrain: Ctrl-C saves a checkpoint, exit code 130, and --resume ends where an unbroken run does") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  list const options = small_training(200);
  expect_done(pretrain(small.train_store(), folder / "whole", options));

  running_program program(scale_file(),
                          words({{"pretrain", small.train_store(), "--out", folder / "broken"}, options}));
  REQUIRE(program.wait_until([&] { return contains(bytes_of(folder / "broken/metrics.jsonl"), "\"step\":5"); }));
  program.send(SIGINT);
  outcome const stopped = program.wait();
  INFO("it said: ", stopped.err);
  CHECK(stopped.code == 130);
  CHECK(stopped.out.empty());
  CHECK(contains(stopped.err, "--resume"));
  CHECK(contains(stopped.err, (folder / "broken").string()));
  CHECK(!std::filesystem::exists(folder / "broken/model.safetensors"));
  CHECK(holds_checkpoint(folder, "broken"));

  std::filesystem::copy(folder / "broken", folder / "copy");
  expect_done(pretrain(small.train_store(), folder / "broken", words({options, {"--resume"}})));
  expect_done(pretrain(small.train_store(), folder / "copy",
                       {"--config", folder / "copy/config.json", "--resume", "--threads", "1"}));
  for (char const* name : {"broken", "copy"}) {
    CHECK(bytes_of(folder / name / "model.safetensors") == bytes_of(folder / "whole/model.safetensors"));
    CHECK(metrics_of(folder / name) == metrics_of(folder / "whole"));
  }
}

TEST_CASE("pretrain: resuming with other options is refused: nothing changes") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  expect_done(pretrain(small.train_store(), folder / "run", small_training(2)));
  std::string const before = bytes_of(folder / "run/config.json");
  outcome const done = pretrain(small.train_store(), folder / "run", words({small_training(9), {"--resume"}}));
  INFO("it said: ", done.err);
  CHECK((done.code == 2 || done.code == 3));
  CHECK(contains(done.err, "epochs"));
  CHECK(bytes_of(folder / "run/config.json") == before);
}

TEST_CASE("pretrain: resuming a run that is done says so and leaves the model as it is") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  outcome const first = pretrain(small.train_store(), folder / "run", words({small_training(2), {"--json"}}));
  expect_done(first);
  std::string const before = bytes_of(folder / "run/model.safetensors");
  outcome const again =
      pretrain(small.train_store(), folder / "run", words({small_training(2), {"--json", "--resume"}}));
  expect_done(again);
  CHECK(bytes_of(folder / "run/model.safetensors") == before);
  CHECK(again.json_lines().at(0).at("loss") == first.json_lines().at(0).at("loss"));
}

TEST_CASE("pretrain: a folder with an earlier run is refused without --resume") {
  small_collection const& small = small_collection::get();
  std::string const before = bytes_of(small.model());
  outcome const done = pretrain(small.train_store(), small.run(), small_training(20));
  INFO("it said: ", done.err);
  CHECK(done.code == 2);
  CHECK(contains(done.err, small.run().string()));
  CHECK(contains(done.err, "resume"));
  CHECK(bytes_of(small.model()) == before);
}

TEST_CASE("pretrain: files of others in the folder are refused and stay as they are") {
  small_collection const& small = small_collection::get();
  for (std::string const name : {"config.json", "metrics.jsonl", "model.safetensors"}) {
    temporary_folder const folder;
    std::filesystem::path const file = folder.write("run/" + name, "{\"of\": \"somebody else\"}");
    outcome const done = pretrain(small.train_store(), folder / "run", small_training(2));
    INFO(name, ": ", done.err);
    CHECK((done.code == 2 || done.code == 3));
    CHECK(contains(done.err, name));
    CHECK(bytes_of(file) == "{\"of\": \"somebody else\"}");
    CHECK(std::distance(std::filesystem::directory_iterator(folder / "run"), {}) == 1);
  }
}

TEST_CASE("pretrain: a damaged store is refused before any work: exit code 3, its name") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  std::string const store = bytes_of(small.train_store());
  list const damages = {"",
                        "text",
                        store.substr(0, store.size() - 1),
                        store.substr(0, store.size() / 2),
                        with_damage(store, 9),
                        with_damage(store, static_cast<std::ptrdiff_t>(store.size() / 2))};
  for (std::string const& bytes : damages) {
    std::filesystem::path const file = folder.write("damaged.store", bytes);
    outcome const done = pretrain(file, folder / "run", small_training(2));
    INFO(bytes.size(), " bytes: ", done.err);
    CHECK(done.code == 3);
    CHECK(done.out.empty());
    CHECK(contains(done.err, file.string()));
    CHECK(!std::filesystem::exists(folder / "run/model.safetensors"));
    std::filesystem::remove_all(folder / "run");
  }
}

TEST_CASE("pretrain: a damaged checkpoint is refused when resuming: exit code 3, its name") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  expect_done(pretrain(small.train_store(), folder / "run", small_training(2)));
  std::filesystem::path checkpoint;
  for (auto const& entry : std::filesystem::directory_iterator(folder / "run"))
    if (entry.path().filename().string().starts_with("checkpoint-")) checkpoint = entry.path();
  std::string const bytes = bytes_of(checkpoint);
  for (std::string const& damage : {std::string("text"), bytes.substr(0, bytes.size() / 2), with_damage(bytes, -1)}) {
    folder.write(checkpoint.lexically_relative(folder.path()), damage);
    outcome const done = pretrain(small.train_store(), folder / "run", words({small_training(2), {"--resume"}}));
    INFO("it said: ", done.err);
    CHECK(done.code == 3);
    CHECK(contains(done.err, checkpoint.string()));
  }
}

TEST_CASE("pretrain: centred input of single clips is refused: exit code 3, the store and what to do") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  expect_done(
      scale_program(words({{"extract", small.test_list(), "--out", folder / "s.store"}, small_views("lin", 1)})));
  outcome const done = pretrain(folder / "s.store", folder / "run", words({small_training(2), {"--input", "centred"}}));
  INFO("it said: ", done.err);
  CHECK(done.code == 3);
  CHECK(contains(done.err, "s.store"));
  CHECK(contains(done.err, "clip"));
}

}  // namespace
