// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sizes and constants of the set transformer and its pre-training objective, and the parameters that they imply.

#include <scale/nn/parameter_table.hpp>

#include <cmath>
#include <string>

namespace scale {

/// A clip's position: flip, h0, w0, h1, w1, t0, t1.
inline constexpr index_t position_width = 7;

/// Sets drawn from each video in pre-training: set contrast compares two.
inline constexpr index_t pretraining_sets = 2;

enum class pretraining_heads {
  present,  // mask token and the heads of the objectives
  absent,   // the encoder alone: inference, fine-tuning
};

/// Defaults are the paper's.
struct set_transformer_config {
  index_t features = 0;  // D, the backbone's width; must be given
  index_t width = 256;   // H, a multiple of 32
  index_t layers = 2;
  double mlp_ratio = 2;  // hidden width of a block's MLP over H; the product is a whole number
  double dropout = 0.1;  // in training, on attention weights and all block outputs
  pretraining_heads heads = pretraining_heads::present;
  index_t pred_hidden = 4096;    // set_head and dense_pred_head
  index_t target_hidden = 2048;  // dense_target_head
  index_t set_dim = 128;
  index_t dense_dim = 128;
  double set_temperature = 0.2;
  double dense_temperature = 0.2;
  double set_weight = 1;
  double dense_weight = 1;

  static constexpr index_t head_width = 32;
  index_t attention_heads() const { return width / head_width; }
  index_t mlp_width() const { return std::llround(mlp_ratio * static_cast<double>(width)); }
};

/// Throws argument_error naming the first member that cannot be.
inline void check(set_transformer_config const& c, location at = location::current()) {
  constexpr auto op = "set_transformer_config";
  auto const positive = [&](char const* name, index_t value) {
    if (value < 1) throw_expected(op, name, "at least 1", std::to_string(value), at);
  };
  positive("features", c.features);
  positive("width", c.width);
  positive("layers", c.layers);
  if (c.width % c.head_width != 0)
    throw_expected(op, "width", "a multiple of 32, the width of an attention head", std::to_string(c.width), at);
  double const hidden = c.mlp_ratio * static_cast<double>(c.width);
  if (!(hidden >= 1 && hidden < 1e9) || hidden != std::round(hidden))
    throw_expected(op, "mlp_ratio", "a ratio that makes mlp_ratio * width a whole number", std::to_string(c.mlp_ratio),
                   at);
  if (!(c.dropout >= 0 && c.dropout < 1)) throw_expected(op, "dropout", "in [0, 1)", std::to_string(c.dropout), at);
  if (c.heads == pretraining_heads::absent) return;
  positive("pred_hidden", c.pred_hidden);
  positive("target_hidden", c.target_hidden);
  positive("set_dim", c.set_dim);
  positive("dense_dim", c.dense_dim);
  auto const finite_positive = [&](char const* name, double value) {
    if (!(value > 0 && std::isfinite(value))) throw_expected(op, name, "above 0", std::to_string(value), at);
  };
  finite_positive("set_temperature", c.set_temperature);
  finite_positive("dense_temperature", c.dense_temperature);
  auto const weight = [&](char const* name, double value) {
    if (!(value >= 0 && std::isfinite(value))) throw_expected(op, name, "at least 0", std::to_string(value), at);
  };
  weight("set_weight", c.set_weight);
  weight("dense_weight", c.dense_weight);
  finite_positive("set_weight + dense_weight", c.set_weight + c.dense_weight);
}

/// The parameters of a pre-norm transformer block under `name`, for tokens of `width`.
inline void add_transformer_block(std::vector<parameter_spec>& specs, std::string const& name, index_t width,
                                  index_t mlp_width) {
  add_layer_norm(specs, name + ".norm1", width);
  add_linear(specs, name + ".attn.qkv", 3 * width, width);
  add_linear(specs, name + ".attn.proj", width, width);
  add_layer_norm(specs, name + ".norm2", width);
  add_linear(specs, name + ".mlp.fc1", mlp_width, width);
  add_linear(specs, name + ".mlp.fc2", width, mlp_width);
}

/// All parameters, under the names and in the order of the released code's state dict. Both tokens start at 0.
inline std::vector<parameter_spec> set_transformer_parameters(set_transformer_config const& c,
                                                              location at = location::current()) {
  check(c, at);
  bool const heads = c.heads == pretraining_heads::present;
  std::vector<parameter_spec> specs;
  add_token(specs, "set_cls_token", c.width);
  if (heads) add_token(specs, "msk_token", c.width);
  add_linear(specs, "input_projection", c.width, c.features);
  add_linear(specs, "pos_encoding_mlp.0", 2 * c.width, position_width);
  add_linear(specs, "pos_encoding_mlp.2", c.width, 2 * c.width);
  if (heads) {
    add_linear(specs, "set_head.0", c.pred_hidden, c.width, linear_bias::absent);
    add_linear(specs, "set_head.2", c.set_dim, c.pred_hidden, linear_bias::absent);
  }
  for (index_t layer = 0; layer < c.layers; ++layer)
    add_transformer_block(specs, "transformer." + std::to_string(layer), c.width, c.mlp_width());
  add_layer_norm(specs, "norm", c.width);
  if (heads) {
    add_linear(specs, "dense_target_head.0", c.target_hidden, c.features, linear_bias::absent);
    add_linear(specs, "dense_target_head.2", c.target_hidden, c.target_hidden, linear_bias::absent);
    add_linear(specs, "dense_target_head.4", c.dense_dim, c.target_hidden, linear_bias::absent);
    add_linear(specs, "dense_pred_head.0", c.pred_hidden, c.width, linear_bias::absent);
    add_linear(specs, "dense_pred_head.2", c.dense_dim, c.pred_hidden, linear_bias::absent);
  }
  return specs;
}

}  // namespace scale
