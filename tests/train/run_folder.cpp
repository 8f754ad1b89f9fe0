// SPDX-License-Identifier: Apache-2.0
#include <scale/io/json_lines.hpp>
#include <scale/train/pretrain_options.hpp>
#include <scale/train/run_folder.hpp>

#include "train/temporary_folder.hpp"
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

TEST_CASE("checkpoints are found by step, and only the newest two stay") {
  temporary_folder const t;
  scale::run_folder const run(t / "a/b");
  CHECK_FALSE(run.newest_checkpoint().has_value());
  for (scale::index_t const step : {5, 40, 3, 1234567890}) std::ofstream(run.checkpoint_file(step)) << step;
  for (char const* stray : {"checkpoint-5.safetensors", "checkpoint-.safetensors", "checkpoint-7x.safetensors",
                            "checkpoint--7.safetensors", "x"})
    std::ofstream(run.path() / stray) << 1;
  CHECK(run.checkpoints() == std::vector<scale::index_t>{3, 5, 40, 1234567890});
  run.prune_checkpoints();
  CHECK(run.checkpoints() == std::vector<scale::index_t>{40, 1234567890});
  CHECK(std::filesystem::exists(run.path() / "checkpoint-7x.safetensors"));
}

TEST_CASE("a run is removed, what else lies in its folder stays") {
  temporary_folder const t;
  scale::run_folder const run(t / "run");
  run.remove_run();  // nothing there: nothing to do
  for (auto const& file : {run.config_file(), run.metrics_file(), run.model_file(), run.checkpoint_file(1),
                           run.checkpoint_file(2), run.checkpoint_file(3), run.path() / "notes.txt"})
    std::ofstream(file) << 1;
  run.remove_run();
  run.require_unused();
  CHECK(std::filesystem::exists(run.path() / "notes.txt"));
  CHECK(std::distance(std::filesystem::directory_iterator(run.path()), {}) == 1);
}

TEST_CASE("metrics are cut back to a step, torn lines go, what is said of refused steps stays") {
  temporary_folder const t;
  scale::run_folder const run(t.path());
  run.cut_metrics(3);  // nothing there: nothing to do
  {
    scale::json_lines_writer lines(run.metrics_file());
    for (int step = 1; step <= 3; ++step) lines.write({{"step", step}, {"loss", 1.0 / step}});
    lines.write({{"step", 5}, {"refused", "the loss"}});
    for (int step = 4; step <= 5; ++step) lines.write({{"step", step}, {"loss", 1.0 / step}});
  }
  std::ofstream(run.metrics_file(), std::ios::app) << "{\"step\": 6, \"lo";
  CHECK(run.cut_metrics(3) == 1);
  auto const lines = scale::read_json_lines(run.metrics_file());
  REQUIRE(lines.size() == 4);
  CHECK(lines[2].at("step") == 3);
  CHECK(lines[3].contains("refused"));
  CHECK(run.cut_metrics(0) == 1);
  CHECK(scale::read_json_lines(run.metrics_file()).size() == 1);
}

TEST_CASE("a new run is refused where any file of a run lies, a resumed one where they are another's") {
  temporary_folder const t;
  scale::run_folder const run(t.path());
  nlohmann::json const config = {{"lr", 0.1}, {"seed", 42}};
  CHECK_NOTHROW(run.require_unused());
  CHECK_NOTHROW(run.require_beginning_of(config));
  for (auto const& file : {run.config_file(), run.metrics_file(), run.model_file(), run.checkpoint_file(3)}) {
    CAPTURE(file);
    std::ofstream(file) << "mine";
    CHECK_THROWS_WITH_AS(run.require_unused(), doctest::Contains(file.filename().c_str()), scale::argument_error);
    CHECK_THROWS_AS(run.require_beginning_of(config), scale::input_error);
    std::filesystem::remove(file);
  }
  run.write_config(config);
  std::ofstream(run.metrics_file()) << "{\"step\":1}\n";
  CHECK_NOTHROW(run.require_beginning_of(config));
  CHECK_THROWS_AS(run.require_beginning_of({{"lr", 0.2}, {"seed", 42}}), scale::input_error);
  std::ofstream(run.model_file()) << "mine";
  CHECK_THROWS_AS(run.require_beginning_of(config), scale::input_error);
}

TEST_CASE("options go to JSON under their names, and are checked by name") {
  scale::pretrain_options options;
  options.lr = 0.1;
  options.seed = 18446744073709551615u;
  options.input = scale::input_kind::centred;
  auto const json = scale::to_json(options);
  CHECK(json.at("input") == "centred");
  CHECK(json.at("lr") == 0.1);
  CHECK(json.at("seed") == 18446744073709551615u);
  CHECK_NOTHROW(scale::check(options));
  options.hidden = 100;
  CHECK_THROWS_WITH_AS(scale::check(options), doctest::Contains("hidden"), scale::argument_error);
  options.hidden = 64;
  options.epochs = scale::index_t{1} << 40;
  CHECK_THROWS_WITH_AS(scale::check(options, scale::location{}),
                       "[pretrain] epochs: expected 1 to 2^32 - 1, got 1099511627776", scale::argument_error);
}
