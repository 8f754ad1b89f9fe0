// SPDX-License-Identifier: Apache-2.0
#include <scale/io/json_lines.hpp>
#include <scale/ref.hpp>
#include <scale/train/pretrain.hpp>

#include "train/synthetic_clips.hpp"
#include "train/temporary_folder.hpp"
#include "train/tiny_run.hpp"
#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <stop_token>
#include <string>
#include <vector>

namespace {

using context = scale::ref::context;
using clips = synthetic::clips<float, context>;
using testing::metrics_of;

/// 11 videos, batch 3: three steps per epoch, twelve in all; dropout and masks drawn.
scale::pretrain_options tiny() {
  scale::pretrain_options o = testing::tiny_options();
  o.epochs = 4;
  return o;
}

clips some(context const& b) { return clips(b, {.videos = 11, .clips = 5, .width = 7}); }

scale::pretrain_run run_in(std::filesystem::path const& folder, scale::run_start start = scale::run_start::fresh) {
  scale::pretrain_run run;
  run.folder = folder;
  run.start = start;
  run.store = "fingerprint";
  run.backbone = "none";
  return run;
}

/// All tensors of a file, in one string of bytes.
std::string bytes_of(std::filesystem::path const& path) {
  scale::safetensors_file const file(path);
  std::string out;
  for (auto const& t : file.tensors())
    out += t.name + std::string(reinterpret_cast<char const*>(t.bytes.data()), t.bytes.size());
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("a run stopped anywhere and resumed gives the bits of one that was never stopped", T, float,
                   scale::bf16) {
  temporary_folder const t;
  context const b;
  auto const data = some(b);
  scale::clip_source<T, context> source;  // its arrays are the same whatever a run computes in
  source.features = data.source.features;
  source.positions = data.source.positions;
  source.mean = data.source.mean;
  source.inverse_scale = data.source.inverse_scale;
  for (auto const input : {scale::input_kind::paper, scale::input_kind::centred}) {
    auto options = tiny();
    options.input = input;
    auto const name = [&](std::string const& suffix) {
      return t.path() / (std::string(scale::name_of(input)) + suffix);
    };
    auto whole = run_in(name("whole"));
    whole.input_scale = data.scale_of;
    auto const result = scale::pretrain<T>(b, source, options, whole);
    CHECK(result.steps == 12);
    CHECK(metrics_of(whole.folder).size() == 12);
    for (scale::index_t const stop_at : {1, 5, 6}) {  // 5: in the middle of an epoch
      CAPTURE(stop_at);
      auto part = run_in(name(std::to_string(stop_at)));
      part.input_scale = data.scale_of;
      std::stop_source stop;
      scale::train_callbacks callbacks;
      callbacks.progress = [&](scale::train_progress const& p) {
        if (p.step == stop_at) stop.request_stop();
      };
      CHECK_THROWS_AS(scale::pretrain<T>(b, source, options, part, callbacks, stop.get_token()),
                      scale::cancelled_error);
      CHECK(scale::run_folder(part.folder).newest_checkpoint() == stop_at);
      CHECK_FALSE(std::filesystem::exists(part.folder / "model.safetensors"));
      part.start = scale::run_start::resume;
      std::vector<scale::index_t> seen;
      callbacks.progress = [&](scale::train_progress const& p) { seen.push_back(p.step); };
      scale::pretrain<T>(b, source, options, part, callbacks);
      CHECK(seen.front() == stop_at + 1);
      CHECK(bytes_of(part.folder / "model.safetensors") == bytes_of(whole.folder / "model.safetensors"));
      CHECK(bytes_of(scale::run_folder(part.folder).checkpoint_file(12)) ==
            bytes_of(scale::run_folder(whole.folder).checkpoint_file(12)));
      CHECK(metrics_of(part.folder) == metrics_of(whole.folder));
    }
  }
}

TEST_CASE("metrics written after the last checkpoint are written again, not twice") {
  temporary_folder const t;
  context const b;
  auto const data = some(b);
  auto run = run_in(t / "run");
  run.checkpoint_seconds = 0;  // at the end of every epoch
  scale::train_callbacks callbacks;
  callbacks.progress = [](scale::train_progress const& p) {
    if (p.step == 8) throw std::runtime_error("the machine stops here");  // two steps after a checkpoint
  };
  CHECK_THROWS_AS(scale::pretrain<float>(b, data.source, tiny(), run, callbacks), std::runtime_error);
  CHECK(metrics_of(run.folder).size() == 8);
  CHECK(scale::run_folder(run.folder).checkpoints() == std::vector<scale::index_t>{3, 6});
  run.start = scale::run_start::resume;
  scale::pretrain<float>(b, data.source, tiny(), run);
  auto const lines = metrics_of(run.folder);
  REQUIRE(lines.size() == 12);
  for (std::size_t i = 0; i < lines.size(); ++i) CHECK(lines[i].at("step") == i + 1);
  CHECK(scale::run_folder(run.folder).checkpoints() == std::vector<scale::index_t>{9, 12});
  auto whole = run_in(t / "whole");
  scale::pretrain<float>(b, data.source, tiny(), whole);
  CHECK(bytes_of(run.folder / "model.safetensors") == bytes_of(whole.folder / "model.safetensors"));
}

TEST_CASE("a folder's checkpoints are neither overwritten nor taken for another run's") {
  temporary_folder const t;
  context const b;
  auto const data = some(b);
  auto run = run_in(t / "run");
  scale::pretrain<float>(b, data.source, tiny(), run);
  CHECK_THROWS_WITH_AS(scale::pretrain<float>(b, data.source, tiny(), run), doctest::Contains("earlier run"),
                       scale::argument_error);
  auto elsewhere = run_in(t / "elsewhere");
  std::filesystem::create_directory(elsewhere.folder);
  std::ofstream(elsewhere.folder / "config.json") << "{\"mine\": 1}";
  CHECK_THROWS_WITH_AS(scale::pretrain<float>(b, data.source, tiny(), elsewhere), doctest::Contains("config.json"),
                       scale::argument_error);
  elsewhere.start = scale::run_start::resume;
  CHECK_THROWS_WITH_AS(scale::pretrain<float>(b, data.source, tiny(), elsewhere), doctest::Contains("config.json"),
                       scale::input_error);
  CHECK(scale::read_json(elsewhere.folder / "config.json") == nlohmann::json{{"mine", 1}});
  run.start = scale::run_start::resume;
  auto options = tiny();
  options.lr = 0.5;
  CHECK_THROWS_WITH_AS(scale::pretrain<float>(b, data.source, options, run),
                       doctest::Contains("lr: 0.01 there, 0.5 here"), scale::input_error);
  run.store = "other";
  CHECK_THROWS_WITH_AS(scale::pretrain<float>(b, data.source, tiny(), run), doctest::Contains("store: \"fingerprint\""),
                       scale::input_error);
}

TEST_CASE("the folder holds the options, metrics, two checkpoints and the model") {
  temporary_folder const t;
  context const b;
  auto const data = some(b);
  auto options = tiny();
  options.batch = 100;
  options.epochs = 3;
  options.input = scale::input_kind::centred;
  auto run = run_in(t / "run");
  run.input_scale = data.scale_of;
  run.extraction = {{"frames", 16}, {"pixel_mean", {0.45, 0.45, 0.45}}};
  run.config = {{"backend", "ref"}};
  std::vector<std::string> messages;
  std::vector<scale::train_progress> reports;
  scale::pretrain<float>(b, data.source, options, run,
                         {.progress = [&](auto const& p) { reports.push_back(p); },
                          .message = [&](std::string_view text) { messages.emplace_back(text); }});
  REQUIRE(messages.size() == 1);
  CHECK(messages[0].find("11 videos") != std::string::npos);
  REQUIRE(reports.size() == 3);
  CHECK(reports[0].lr == 0);  // the schedule starts at 0
  CHECK(reports[2].epoch == 3);
  CHECK(reports[2].epochs == 3);
  CHECK(reports[2].eta == 0);
  auto const config = scale::read_json(run.folder / "config.json");
  CHECK(config.at("input") == "centred");
  CHECK(config.at("set-size") == 2);
  CHECK(config.at("backend") == "ref");
  scale::model_file const file(run.folder);
  CHECK(file.description().input == scale::input_kind::centred);
  CHECK(file.description().input_scale == data.scale_of);
  CHECK(file.description().backbone == "none");
  CHECK(file.description().extraction == run.extraction);
  CHECK(file.description().config.pred_hidden == 8);
}

TEST_CASE("resuming a finished run does no step and tells its last losses") {
  temporary_folder const t;
  context const b;
  auto const data = some(b);
  auto run = run_in(t / "run");
  auto const first = scale::pretrain<float>(b, data.source, tiny(), run);
  CHECK(first.steps_here == 12);
  auto const before = bytes_of(run.folder / "model.safetensors");
  run.start = scale::run_start::resume;
  auto const again = scale::pretrain<float>(b, data.source, tiny(), run);
  CHECK(again.steps == 12);
  CHECK(again.steps_here == 0);
  REQUIRE(again.last.has_value());
  CHECK(again.last->total == first.last->total);
  CHECK(again.last->total > 0);
  CHECK(again.last->dense_accuracy == first.last->dense_accuracy);
  CHECK(bytes_of(run.folder / "model.safetensors") == before);
  std::filesystem::remove(run.folder / "metrics.jsonl");
  CHECK_FALSE(scale::pretrain<float>(b, data.source, tiny(), run).last.has_value());
}

TEST_CASE("centred input says when a step takes all clips of a video") {
  context const b;
  clips const four(b, {.videos = 6, .clips = 4, .width = 7}), five(b, {.videos = 6, .clips = 5, .width = 7});
  auto const said = [&](clips const& source, scale::input_kind input) {
    temporary_folder const folder;
    scale::pretrain_options o = tiny();
    o.iterations = 1;
    o.input = input;
    std::size_t opposite = 0;
    scale::train_callbacks callbacks;
    callbacks.message = [&](std::string_view text) {
      if (text.find("opposite") != text.npos) ++opposite;
    };
    scale::pretrain_run run = run_in(folder / "run");
    run.input_scale = source.scale_of;
    scale::pretrain<float>(b, source.source, o, run, callbacks);
    return opposite;
  };
  CHECK(said(four, scale::input_kind::centred) == 1);
  CHECK(said(four, scale::input_kind::paper) == 0);
  CHECK(said(five, scale::input_kind::centred) == 0);
}

TEST_CASE("a step that diverges is refused by name, and the last checkpoint stays") {
  temporary_folder const t;
  context const b;
  auto data = some(b);
  auto run = run_in(t / "run");
  run.checkpoint_seconds = 0;
  scale::train_callbacks callbacks;
  callbacks.progress = [&](scale::train_progress const& p) {
    if (p.step == 3) scale::fill(b, data.features.view(), std::numeric_limits<double>::quiet_NaN());
  };
  CHECK_THROWS_WITH_AS(scale::pretrain<float>(b, data.source, tiny(), run, callbacks), doctest::Contains("step 4"),
                       scale::divergence_error);
  CHECK(scale::run_folder(run.folder).checkpoints() == std::vector<scale::index_t>{3});
  scale::pretrainer<float, context> trainer(b, some(b).source, tiny());
  trainer.model().parameters().require_gradients(b);
  auto gradients = trainer.model().parameters().gradients();
  scale::fill(b, gradients, 0);
  gradients(trainer.model().parameters().table().at("norm.bias").offset) = std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH_AS(scale::require_finite_gradients(b, trainer.model().parameters(), 7),
                       doctest::Contains("step 7 is refused: the gradient of norm.bias"), scale::divergence_error);
}

TEST_CASE("stores with too few clips, and centring of single clips, are refused") {
  context const b;
  clips const few(b, {.videos = 4, .clips = 3, .width = 5}), single(b, {.videos = 4, .clips = 1, .width = 5});
  auto options = tiny();
  CHECK_THROWS_WITH_AS((scale::pretrainer<float, context>(b, few.source, options)), doctest::Contains("set-size"),
                       scale::argument_error);
  options.set_size = 0;
  CHECK((scale::pretrainer<float, context>(b, few.source, options)).options().set_size == 1);
  CHECK_THROWS_AS((scale::pretrainer<float, context>(b, single.source, options)), scale::argument_error);
  CHECK_THROWS_WITH_AS(scale::check(single.source, scale::input_kind::centred), doctest::Contains("at least two clips"),
                       scale::argument_error);
}
