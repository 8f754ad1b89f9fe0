// SPDX-License-Identifier: Apache-2.0
// Runs of pre-training: killed and resumed, shared by two, fed with numbers that are not finite.
#include <scale/io/folder_lock.hpp>
#include <scale/io/json_lines.hpp>
#include <scale/ref.hpp>
#include <scale/train/pretrain.hpp>

#include "io/temporary_folder.hpp"
#include "reliability/campaign.hpp"
#include "train/synthetic_clips.hpp"
#include "train/tiny_run.hpp"
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

using context = scale::ref::context;
using clips = synthetic::clips<float, context>;
using testing::metrics_of;
using testing::temporary_folder;

/// 11 videos, batch 3: three steps per epoch; dropout and masks drawn.
scale::pretrain_options tiny(scale::index_t iterations) {
  scale::pretrain_options o = testing::tiny_options();
  o.iterations = iterations;
  o.dropout = 0.2;
  return o;
}

scale::pretrain_run run_in(std::filesystem::path const& folder, scale::run_start start) {
  scale::pretrain_run run;
  run.folder = folder;
  run.start = start;
  run.checkpoint_seconds = 0;  // at the end of every epoch
  run.store = "fingerprint";
  return run;
}

template <class T>
scale::clip_source<T, context> source_of(clips const& data) {
  scale::clip_source<T, context> source;
  source.features = data.source.features;
  source.positions = data.source.positions;
  return source;
}

}  // namespace

TEST_CASE_TEMPLATE("runs: killed anywhere, any number of times, and resumed, a run gives the bits of one that was not",
                   T, float, scale::bf16) {
  temporary_folder const folder;
  context const b;
  clips const data(b, {.videos = 11, .clips = 5, .width = 7});
  auto const source = source_of<T>(data);
  int const steps = testing::campaign_size("SCALE_RESUME_STEPS", 40),
            kills = testing::campaign_size("SCALE_RESUME_KILLS", 6);
  auto const options = tiny(steps);
  auto const began = std::chrono::steady_clock::now();
  scale::pretrain<T>(b, source, options, run_in(folder / "whole", scale::run_start::fresh));
  auto const whole_time =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began);
  std::mt19937_64 random(17);
  for (int i = 0; i < kills; ++i) {
    ::pid_t const child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      try {
        scale::pretrain<T>(b, source, options, run_in(folder / "killed", scale::run_start::resume));
      } catch (...) {
        ::_exit(1);
      }
      ::_exit(0);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(
        random() % (static_cast<std::uint64_t>(whole_time.count()) * 2 / static_cast<std::uint64_t>(kills) + 1)));
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK((WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 0)));
  }
  scale::pretrain<T>(b, source, options, run_in(folder / "killed", scale::run_start::resume));
  for (char const* const name : {"model.safetensors", "config.json"})
    CHECK(testing::read_text(folder / "killed" / name) == testing::read_text(folder / "whole" / name));
  scale::run_folder const whole(folder / "whole"), killed(folder / "killed");
  CHECK(killed.checkpoints() == whole.checkpoints());
  CHECK(testing::read_text(killed.checkpoint_file(steps)) == testing::read_text(whole.checkpoint_file(steps)));
  CHECK(metrics_of(killed.path()) == metrics_of(whole.path()));
  for (std::string const& name : scale::list_folder(killed.path())) CHECK(name.front() != '.');
}

TEST_CASE("runs: a second trainer in a folder is refused, and the first one goes on") {
  temporary_folder const folder;
  context const b;
  clips const data(b, {.videos = 11, .clips = 5, .width = 7});
  int refused = 0;
  scale::train_callbacks callbacks;
  callbacks.progress = [&](scale::train_progress const& p) {
    if (p.step != 2) return;
    for (scale::run_start const start : {scale::run_start::fresh, scale::run_start::resume}) {
      CHECK_THROWS_WITH_AS(scale::pretrain<float>(b, data.source, tiny(4), run_in(folder / "run", start)),
                           doctest::Contains("in use by another process"), scale::input_error);
      ++refused;
    }
  };
  scale::pretrain<float>(b, data.source, tiny(4), run_in(folder / "run", scale::run_start::fresh), callbacks);
  CHECK(refused == 2);
  CHECK(metrics_of(folder / "run").size() == 4);
}

TEST_CASE("runs: of processes that race for a folder one has it at a time; one that is killed lets it go") {
  temporary_folder const folder;
  int const races = testing::campaign_size("SCALE_LOCK_RACES", 50);
  std::filesystem::path const inside = folder / "inside";
  int won = 0, broken = 0;
  for (int race = 0; race < races; ++race) {
    ::pid_t children[2] = {};
    for (::pid_t& child : children) {
      child = ::fork();
      REQUIRE(child >= 0);
      if (child != 0) continue;
      try {
        scale::folder_lock const lock(folder.path());
        // who has the lock is alone: a folder of that name is there for nobody else
        if (::mkdir(inside.c_str(), 0700) != 0) ::_exit(3);
        std::this_thread::sleep_for(std::chrono::microseconds(50));
        if (::rmdir(inside.c_str()) != 0) ::_exit(3);
        if (race % 2 == 0) ::raise(SIGKILL);  // with the lock
        ::_exit(0);
      } catch (scale::input_error const&) {
        ::_exit(1);
      }
    }
    for (::pid_t const child : children) {
      int status = 0;
      REQUIRE(::waitpid(child, &status, 0) == child);
      if (WIFSIGNALED(status) || WEXITSTATUS(status) == 0) ++won;
      if (WIFEXITED(status) && WEXITSTATUS(status) > 1) ++broken;
    }
    CHECK(scale::folder_lock(folder.path()).is_held());
  }
  CHECK(won >= races);
  CHECK(broken == 0);
}

TEST_CASE("runs: what is not finite is named down to the number, and reaches no parameter") {
  context const b;
  for (double const value : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    CAPTURE(value);
    clips data(b, {.videos = 3, .clips = 5, .width = 7});
    scale::pretrainer<float, context> trainer(b, data.source, tiny(100));
    scale::set_batch const batch = scale::set_sampler(trainer.sampler()).draw(0);
    auto const before = trainer.model().parameters().export_all(b);
    auto const refused = [&](std::string const& what) {
      CHECK_THROWS_WITH_AS(trainer.step(b, batch), doctest::Contains(what.c_str()), scale::divergence_error);
      CHECK(trainer.steps_done() == 0);
    };
    auto const unchanged = [&] {
      auto const after = trainer.model().parameters().export_all(b);
      for (auto const& [name, p] : before) {
        INFO("parameter: ", name);
        CHECK(after.at(name).values == p.values);
      }
    };
    // Every feature and position of one drawn clip. A masked clip's features are not asked for by every objective; they
    // are either refused or reach nothing.
    std::size_t const row = 1;
    auto const video = static_cast<scale::index_t>(batch.videos[0]),
               clip = static_cast<scale::index_t>(batch.clips[row]);
    for (scale::index_t d = 0; d < 7; ++d) {
      float const kept = data.features.view()(video, clip, d);
      data.features.view()(video, clip, d) = static_cast<float>(value);
      refused("feature " + std::to_string(d) + " of clip " + std::to_string(clip) + " of video " +
              std::to_string(video));
      data.features.view()(video, clip, d) = kept;
    }
    for (scale::index_t j = 0; j < scale::position_width; ++j) {
      float const kept = data.positions.view()(video, clip, j);
      data.positions.view()(video, clip, j) = static_cast<float>(value);
      refused("position " + std::to_string(j) + " of clip " + std::to_string(clip) + " of video " +
              std::to_string(video));
      data.positions.view()(video, clip, j) = kept;
    }
    unchanged();
    int tensors = 0;
    for (auto const& entry : trainer.model().parameters().table().entries()) {
      auto values = before.at(entry.name).values;
      values[values.size() / 2] = static_cast<float>(value);
      trainer.model().parameters().write(b, entry.name, values);
      refused("parameter " + entry.name);
      trainer.model().parameters().write(b, entry.name, before.at(entry.name).values);
      ++tensors;
    }
    CHECK(tensors >= 30);
    unchanged();
    CHECK_NOTHROW(trainer.step(b, batch));
  }
}

TEST_CASE("runs: a gradient whose square is not finite is refused by name") {
  context const b;
  clips const data(b, {.videos = 3, .clips = 5, .width = 7});
  scale::pretrainer<float, context> trainer(b, data.source, tiny(4));
  auto& params = trainer.model().parameters();
  scale::fill(b, params.gradients(), 0);
  for (float const value : {0x1p63f, -0x1p100f, 3.4e38f}) {
    params.gradients()(params.table().at("norm.bias").offset) = value;
    CHECK_THROWS_WITH_AS(scale::require_finite_gradients(b, params, 7),
                         doctest::Contains("the gradient of norm.bias is so large"), scale::divergence_error);
  }
  params.gradients()(params.table().at("norm.bias").offset) = 0x1p62f;
  CHECK_NOTHROW(scale::require_finite_gradients(b, params, 7));
}

TEST_CASE("runs: a refused step is a line of the metrics, the last checkpoint stays, and resuming goes on from there") {
  temporary_folder const folder;
  context const b;
  clips data(b, {.videos = 11, .clips = 5, .width = 7});
  auto const good = data.features.view()(0, 0, 0);
  scale::train_callbacks callbacks;
  callbacks.progress = [&](scale::train_progress const& p) {
    if (p.step == 4) scale::fill(b, data.features.view(), std::numeric_limits<double>::quiet_NaN());
  };
  CHECK_THROWS_AS(
      scale::pretrain<float>(b, data.source, tiny(9), run_in(folder / "run", scale::run_start::fresh), callbacks),
      scale::divergence_error);
  CHECK(metrics_of(folder / "run").size() == 4);
  auto const lines = testing::refusals_of(folder / "run");
  REQUIRE(lines.size() == 1);
  CHECK(lines.back().at("step") == 5);
  CHECK(lines.back().at("refusals") == 1);
  CHECK(lines.back().at("refused").get<std::string>().find("feature") != std::string::npos);
  CHECK(scale::run_folder(folder / "run").checkpoints() == std::vector<scale::index_t>{3});
  clips const whole(b, {.videos = 11, .clips = 5, .width = 7});
  CHECK(whole.features.view()(0, 0, 0) == good);
  scale::pretrain<float>(b, whole.source, tiny(9), run_in(folder / "run", scale::run_start::resume));
  scale::pretrain<float>(b, whole.source, tiny(9), run_in(folder / "whole", scale::run_start::fresh));
  CHECK(metrics_of(folder / "run") == metrics_of(folder / "whole"));
  CHECK(testing::read_text(folder / "run" / "model.safetensors") ==
        testing::read_text(folder / "whole" / "model.safetensors"));
}

TEST_CASE("runs: weight decay that would grow weights is refused") {
  auto options = tiny(1);
  options.lr = 10;
  options.wd = 0.2;
  CHECK_THROWS_WITH_AS(scale::check(options), doctest::Contains("wd"), scale::argument_error);
}
