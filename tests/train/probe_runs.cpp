// SPDX-License-Identifier: Apache-2.0
#include <scale/cpu.hpp>
#include <scale/eval/ridge.hpp>
#include <scale/ref.hpp>
#include <scale/train/pretrainer.hpp>
#include <scale/train/probe_runs.hpp>

#include "train/synthetic_clips.hpp"
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <stop_token>
#include <string>
#include <vector>

namespace {

using context = scale::ref::context;
using clips = synthetic::clips<float, context>;
using scale::index_t;

std::vector<index_t> all_rows(clips const& data) {
  std::vector<index_t> rows(data.labels.size());
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

/// Labels that the mean of a video's features tells: whether its first feature is above 0.
std::vector<std::int32_t> by_mean(clips const& data) {
  std::vector<std::int32_t> out;
  for (index_t n = 0; n < data.source.videos(); ++n) out.push_back(data.mean.view()(n, 0) > 0 ? 1 : 0);
  return out;
}

scale::set_transformer_config small() {
  scale::set_transformer_config c;
  c.features = 8;
  c.width = 32;
  c.layers = 1;
  c.pred_hidden = c.target_hidden = c.set_dim = c.dense_dim = 4;
  return c;
}

}  // namespace

TEST_CASE("every trained probe learns what is there to be learnt, the same way each time") {
  context const b;
  clips const train(b, {.videos = 60, .clips = 6, .width = 8, .noise = 0.1, .offset = 6, .seed = 1});
  clips const test(b, {.videos = 40, .clips = 5, .width = 8, .noise = 0.1, .offset = 6, .seed = 2});
  auto const train_labels = by_mean(train), test_labels = by_mean(test);
  auto const train_rows = all_rows(train), test_rows = all_rows(test);
  scale::probe_split<float, context> const from{train.source, train_rows, train_labels};
  scale::probe_split<float, context> const to{test.source, test_rows, test_labels};
  scale::set_transformer_model<float, context> const model(b, small(), 5);
  scale::probe_options options;
  options.epochs = 60;
  options.batch = 20;
  options.lr = 3e-2;
  options.set_size = 4;
  scale::set_probe_config config;
  config.width = 8;
  config.classes = 2;
  auto const run = [&](int kind) {
    scale::trained_encoder<float, context> const encoder{&model, scale::input_kind::centred};
    auto o = options;
    auto c = config;
    if (kind == 0) c.features = scale::clip_features::x;
    if (kind == 1) c.norm = scale::probe_norm::batch_norm;
    if (kind == 2) {
      c.training = scale::encoder_training::trained;
      c.features = scale::clip_features::x_h_cls;
      c.dropout = 0.1;
      o.lr = 1e-2;
      o.output = scale::probe_output::avg_probs;
    }
    if (kind == 3) {
      o.lr = 1e-2;
      return scale::run_mlp_probe<float, context>(b, from, to, {.features = 8, .classes = 2, .hidden = 16, .out = 4},
                                                  o);
    }
    return scale::run_set_probe<float, context>(b, from, to, kind == 0 ? nullptr : &encoder, c, o);
  };
  for (int kind = 0; kind < 4; ++kind) {
    CAPTURE(kind);
    auto const once = run(kind), again = run(kind);
    CHECK(once.result.avg_logits.top1 >= 90);
    CHECK(once.result.avg_probs.top1 >= 90);
    CHECK(once.result.logits.top1 >= 90);
    CHECK(once.result.logits.n == 40);
    CHECK(once.logits.rows == 40 * 5);
    CHECK(once.logits.values == again.logits.values);
  }
}

TEST_CASE("a probe on every fold: logits go to their videos, and are measured once over all") {
  context const b;
  clips const data(b, {.videos = 4, .clips = 2, .width = 3});
  scale::store_split split;
  split.labels = {{"a", "b"}, {0, 1, 1, 0}, {0, 1, 1, 0}};
  split.folds = {{"first", {0, 1}, {2, 3}}, {"second", {2, 3}, {0, 1}}};
  using part = scale::probe_split<float, context>;
  auto const three =
      scale::evaluate_probe(data.source, data.source, split, [&](part const& from, part const& to, auto const& f) {
        CHECK(std::ranges::equal(from.rows, f.train));
        CHECK(std::ranges::equal(to.labels, f.name == "first" ? std::vector{1, 0} : std::vector{0, 1}));
        scale::probe_outcome<float> out;
        out.logits = scale::host_matrix<float>(4, 2);
        for (index_t i = 0; i < 4; ++i) {
          bool const wrong = to.rows[std::size_t(i / 2)] == 3 && i % 2 == 1;  // one clip of video 3
          out.logits(i, (to.labels[std::size_t(i / 2)] + (wrong ? 1 : 0)) % 2) = wrong ? 1 : 2;
        }
        return out;
      });
  CHECK(three.logits.top1 == 87.5);
  CHECK(three.avg_logits.top1 == 100);
  CHECK(three.avg_logits.n == 4);
}

TEST_CASE("options of probes are checked by name") {
  scale::probe_options options;
  CHECK_NOTHROW(scale::check(options));
  options.warmup = 1;
  CHECK_THROWS_WITH_AS(scale::check(options), doctest::Contains("warmup"), scale::argument_error);
  options.warmup = 0;
  options.wd = std::nan("");
  CHECK_THROWS_WITH_AS(scale::check(options), doctest::Contains("wd"), scale::argument_error);
}

TEST_CASE("schedules: the own one ends at 0, the released one does not; progress and stopping") {
  context const b;
  clips const data(b, {.videos = 12, .clips = 4, .width = 8});
  auto const rows = all_rows(data);
  scale::set_probe_config config;
  config.features = scale::clip_features::x;
  config.width = 8;
  config.classes = 6;
  scale::probe_options options;
  options.epochs = 10;
  options.batch = 100;
  std::vector<double> rates;
  std::vector<std::string> messages;
  scale::train_callbacks const callbacks{.progress = [&](auto const& p) { rates.push_back(p.lr); },
                                         .message = [&](std::string_view m) { messages.emplace_back(m); }};
  auto const train = [&](std::stop_token stop = {}) {
    scale::set_probe<float, context> probe(b, config, nullptr, 12, 4);
    scale::train_probe(b, probe, data.source, scale::input_kind::paper, rows, data.labels, options, callbacks, stop);
  };
  train();
  CHECK(rates.size() == 10);
  CHECK(rates.back() < 0.1 * options.lr);
  CHECK(messages.size() == 1);
  rates.clear();
  options.schedule = scale::probe_schedule::released;
  train();
  CHECK(rates.back() > 0.5 * options.lr);  // 10 of 200 epochs: warm-up just ended
  std::stop_source stop;
  stop.request_stop();
  CHECK_THROWS_AS(train(stop.get_token()), scale::cancelled_error);
  config.classes = 5;
  CHECK_THROWS_WITH_AS(train(), doctest::Contains("label"), scale::argument_error);
}

TEST_CASE("the order of three prototypes: hidden from averages, learnt by the set transformer") {
  using cpu = scale::cpu::context;
  cpu const b;
  synthetic::clips<float, cpu> const train(b, {.videos = 192, .clips = 16, .width = 8, .noise = 0.1, .seed = 1});
  synthetic::clips<float, cpu> const test(b, {.videos = 192, .clips = 16, .width = 8, .noise = 0.1, .seed = 2});
  scale::pretrain_options options;
  options.epochs = 100;
  options.batch = 64;
  options.lr = 5e-3;
  options.hidden = 32;
  options.pred_hidden = options.target_hidden = 32;
  options.set_dim = options.dense_dim = 32;
  options.dropout = 0;
  scale::pretrainer<float, cpu> trainer(b, train.source, options);
  scale::pretraining_losses losses;
  while (trainer.steps_done() < trainer.steps()) losses = trainer.step(b).losses;
  CHECK(losses.set_loss < 0.9 * std::log(64.0));  // what knowing nothing of a video gives
  scale::trained_encoder<float, cpu> const encoder{&trainer.model(), scale::input_kind::paper};
  auto const from = scale::represent(b, train.source, &encoder), to = scale::represent(b, test.source, &encoder);
  auto const top1 = [&](scale::clip_features features) {
    auto const fitted = scale::fit_ridge(scale::compose(from, features), train.labels, 6);
    return scale::measure(fitted.scores(scale::compose(to, features)), test.labels).top1;
  };
  double const averaged = top1(scale::clip_features::x), cls = top1(scale::clip_features::cls);
  MESSAGE("ridge: averaged x " << averaged << " %, cls " << cls << " %");
  CHECK(cls >= averaged + 40);
}
