// SPDX-License-Identifier: Apache-2.0
#pragma once
// Options of pre-training, with the paper's values as defaults, and their JSON form.

#include <scale/core/error.hpp>
#include <scale/core/shape.hpp>
#include <scale/eval/input_kind.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <limits>
#include <string>

namespace scale {

/// Section 5 of the method. Names in JSON are those of the command line's options.
struct pretrain_options {
  index_t epochs = 200;
  index_t batch = 512;     // videos; a store with fewer is one batch
  index_t iterations = 0;  // of the whole run; 0: epochs * whole batches of the store
  index_t set_size = 0;    // clips in each of the two sets; 0: half of a video's clips, at most 8
  double lr = 3e-4;
  double wd = 1e-4;      // of weight matrices; biases, norms and tokens have none
  double warmup = 0.05;  // share of the iterations
  std::uint64_t seed = 42;
  input_kind input = input_kind::paper;
  double dropout = 0.1;
  double mask_ratio = 0.25;
  index_t hidden = 256;
  index_t layers = 2;
  double mlp_ratio = 2;                              // width of a block's MLP over hidden
  index_t pred_hidden = 4096, target_hidden = 2048;  // hidden widths of the heads
  index_t set_dim = 128, dense_dim = 128;            // widths of the contrasted vectors
  double set_temperature = 0.2, dense_temperature = 0.2;
  double set_weight = 1, dense_weight = 1;
};

inline nlohmann::json to_json(pretrain_options const& o) {
  return {{"epochs", o.epochs},
          {"batch", o.batch},
          {"iterations", o.iterations},
          {"set-size", o.set_size},
          {"lr", o.lr},
          {"wd", o.wd},
          {"warmup", o.warmup},
          {"seed", o.seed},
          {"input", std::string(name_of(o.input))},
          {"dropout", o.dropout},
          {"mask-ratio", o.mask_ratio},
          {"hidden", o.hidden},
          {"layers", o.layers},
          {"mlp-ratio", o.mlp_ratio},
          {"pred-hidden", o.pred_hidden},
          {"target-hidden", o.target_hidden},
          {"set-dim", o.set_dim},
          {"dense-dim", o.dense_dim},
          {"set-temperature", o.set_temperature},
          {"dense-temperature", o.dense_temperature},
          {"set-weight", o.set_weight},
          {"dense-weight", o.dense_weight}};
}

/// Throws argument_error for the first option whose value makes no sense, by name.
inline void check(pretrain_options const& o, location at = location::current()) {
  auto const require = [&](bool good, char const* name, char const* expected, auto value) {
    if (!good) throw_expected("pretrain", name, expected, std::to_string(value), at);
  };
  constexpr index_t most = (std::numeric_limits<std::uint32_t>::max)();  // steps that random numbers can be keyed by
  require(o.epochs >= 1 && o.epochs <= most, "epochs", "1 to 2^32 - 1", o.epochs);
  require(o.batch >= 1, "batch", "at least 1", o.batch);
  require(o.iterations >= 0 && o.iterations <= most, "iterations", "0 to 2^32 - 1", o.iterations);
  require(o.set_size >= 0, "set-size", "at least 0", o.set_size);
  require(o.lr >= 0 && o.lr < 1e6, "lr", "not negative", o.lr);
  require(o.wd >= 0 && o.wd < 1e6, "wd", "not negative", o.wd);
  require(o.lr * o.wd <= 1, "wd", "at most 1 / lr, so that decay only shrinks weights", o.wd);
  require(o.warmup >= 0 && o.warmup < 1, "warmup", "in [0, 1)", o.warmup);
  require(o.dropout >= 0 && o.dropout < 1, "dropout", "in [0, 1)", o.dropout);
  require(o.mlp_ratio > 0 && o.mlp_ratio < 1e6, "mlp-ratio", "positive", o.mlp_ratio);
  require(o.mask_ratio >= 0 && o.mask_ratio <= 1, "mask-ratio", "in [0, 1]", o.mask_ratio);
  require(o.hidden >= 32 && o.hidden % 32 == 0, "hidden", "a positive multiple of 32, the width of a head", o.hidden);
  require(o.layers >= 1, "layers", "at least 1", o.layers);
  require(o.pred_hidden >= 1, "pred-hidden", "at least 1", o.pred_hidden);
  require(o.target_hidden >= 1, "target-hidden", "at least 1", o.target_hidden);
  require(o.set_dim >= 1, "set-dim", "at least 1", o.set_dim);
  require(o.dense_dim >= 1, "dense-dim", "at least 1", o.dense_dim);
  require(o.set_temperature > 0, "set-temperature", "positive", o.set_temperature);
  require(o.dense_temperature > 0, "dense-temperature", "positive", o.dense_temperature);
  require(o.set_weight >= 0 && o.dense_weight >= 0 && o.set_weight + o.dense_weight > 0, "set-weight",
          "weights not negative, and one of them positive", o.set_weight);
}

}  // namespace scale
