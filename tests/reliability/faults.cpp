// SPDX-License-Identifier: Apache-2.0
// Numbers that are not finite within the network: put into every tensor that an operator computes in a step.
#include <scale/ref.hpp>
#include <scale/train/pretrain.hpp>

#include "io/temporary_folder.hpp"
#include "support/faulty_backend.hpp"
#include "train/synthetic_clips.hpp"
#include "train/tiny_run.hpp"
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

using faulty::context;
using clips = synthetic::clips<float, context>;
using trainer_type = scale::pretrainer<float, context>;

scale::pretrain_options tiny(scale::index_t iterations) {
  scale::pretrain_options o = testing::tiny_options();
  o.iterations = iterations;
  o.dropout = 0.2;
  o.warmup = 0;  // so that the first step moves the parameters
  return o;
}

/// How many tensors a step computes.
scale::index_t tensors_of_a_step(clips const& data, context const& b) {
  trainer_type trainer(b, data.source, tiny(100));
  scale::index_t const before = b.state->computed;
  trainer.step(b);
  return b.state->computed - before;
}

struct outcome {
  std::string op;                      // what computed the tensor
  std::optional<std::string> refused;  // the reason
};

/// The first step of a run in which tensor `at` is spoilt, whenever it is computed.
outcome step_with(clips const& data, context const& b, scale::index_t period, scale::index_t at, float value) {
  trainer_type trainer(b, data.source, tiny(100));
  auto const before = trainer.model().parameters().export_all(b);
  *b.state = {.computed = 0, .period = period, .at = at, .value = value, .op = {}};
  outcome out;
  try {
    trainer.step(b);
  } catch (scale::divergence_error const& e) {
    out.refused = e.reason();
  }
  out.op = b.state->op;
  *b.state = {};
  bool const was_refused = out.refused.has_value();
  auto const after = trainer.model().parameters().export_all(b);
  CHECK(scale::first_not_finite(after) == "");
  bool unchanged = true;
  for (auto const& [name, p] : before) unchanged = unchanged && after.at(name).values == p.values;
  CHECK(unchanged == was_refused);
  for (auto const& moments : {trainer.optimiser().first_moments(), trainer.optimiser().second_moments()})
    for (scale::index_t i = 0; i < moments.size(); ++i)
      if (!(std::isfinite(moments(i)) && (!was_refused || moments(i) == 0))) FAIL("moment ", i, " is ", moments(i));
  CHECK(trainer.refused() == (was_refused ? 1 : 0));
  CHECK(trainer.steps_done() == (was_refused ? 0 : 1));
  if (was_refused) CHECK_NOTHROW(trainer.step(b));  // the same step, without the fault
  return out;
}

}  // namespace

TEST_CASE("faults: what is not finite in any tensor of a step reaches no parameter, and the first tensor is named") {
  context const b;
  clips const data(b, {.videos = 3, .clips = 5, .width = 7});
  scale::index_t const tensors = tensors_of_a_step(data, b);
  CHECK(tensors >= 150);
  for (float const value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
    CAPTURE(value);
    int refused = 0;
    std::set<std::string> different;
    std::vector<outcome> all;
    for (scale::index_t at = 0; at < tensors; ++at) {
      CAPTURE(at);
      all.push_back(step_with(data, b, tensors, at, value));
      REQUIRE(all.back().op != "");
      if (!all.back().refused) continue;  // dropped out, say
      ++refused;
      different.insert(all.back().refused->substr(0, all.back().refused->find(", so ")));
    }
    CHECK(refused >= 150);
    CHECK(different.size() >= 100);
    if (!std::isnan(value)) continue;
    auto const reason = [&](std::string_view op, int number) {
      for (outcome const& one : all)
        if (one.op == op && number-- == 0) return one.refused.value_or("");
      return std::string("no such tensor");
    };
    std::string const found = "NaN or infinity in the ";
    CHECK(reason("assemble_tokens_forward", 0) == found + "tokens of transformer, so set_loss is not finite");
    CHECK(reason("layer_norm_forward", 2) == found + "output of transformer.0.norm1, so set_loss is not finite");
    CHECK(reason("attention_forward", 1) == found + "weighted values of transformer.0.attn, so set_loss is not finite");
    CHECK(reason("attention_forward", 3) ==
          found + "weighted values of transformer.1.attn, so dense_loss is not finite");
    CHECK(reason("info_nce_backward", 0) == found +
                                                "gradient of the unit vectors of dense_pred_head, so the gradient of "
                                                "set_cls_token is not finite");
    CHECK(reason("attention_backward", 5) ==
          found + "output gradient of transformer.0.attn.qkv, so the gradient of set_cls_token is not finite");
    CHECK(reason("info_nce_forward", 1) == "dense_loss is not finite");
    CHECK(reason("assemble_tokens_backward", 3) == "the gradient of set_cls_token is not finite");
  }
}

TEST_CASE("faults: refused steps are counted over a run that is resumed, whose checkpoint and result are good") {
  testing::temporary_folder const folder;
  context const b;
  clips const data(b, {.videos = 11, .clips = 5, .width = 7});
  scale::index_t const tensors = tensors_of_a_step(data, b);
  scale::pretrain_run run;
  run.folder = folder / "run";
  run.checkpoint_seconds = 0;  // at the end of every epoch of three steps
  run.store = "fingerprint";
  *b.state = {};
  scale::train_callbacks callbacks;
  callbacks.progress = [&](scale::train_progress const& p) {
    if (p.step == 4)
      *b.state = {
          .computed = 0, .period = tensors, .at = 12, .value = std::numeric_limits<float>::infinity(), .op = {}};
  };
  for (int time = 1; time <= 2; ++time) {
    CHECK_THROWS_WITH_AS(scale::pretrain<float>(b, data.source, tiny(9), run, callbacks),
                         doctest::Contains("NaN or infinity in the sum after the attention of transformer.0"),
                         scale::divergence_error);
    *b.state = {};
    auto const said = testing::refusals_of(run.folder);
    REQUIRE(said.size() == static_cast<std::size_t>(time));
    CHECK(said.back().at("step") == 5);
    CHECK(said.back().at("refusals") == time);
    CHECK(scale::run_folder(run.folder).checkpoints() == std::vector<scale::index_t>{3});
    run.start = scale::run_start::resume;
  }
  CHECK(scale::pretrain<float>(b, data.source, tiny(9), run).refused == 2);
  CHECK(testing::refusals_of(run.folder).size() == 2);
  run.folder = folder / "whole";
  CHECK(scale::pretrain<float>(b, data.source, tiny(9), run).refused == 0);
  CHECK(testing::metrics_of(folder / "run") == testing::metrics_of(folder / "whole"));
  CHECK(testing::read_text(folder / "run/model.safetensors") == testing::read_text(folder / "whole/model.safetensors"));
}
