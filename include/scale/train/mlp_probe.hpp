// SPDX-License-Identifier: Apache-2.0
#pragma once
// The MLP probe, a baseline without SCALE: an MLP on each clip's x, and a linear layer on [x ; its output].

#include <scale/eval/linear_head.hpp>
#include <scale/ops/copy.hpp>
#include <scale/ops/relu.hpp>
#include <scale/train/probe_batch.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace scale {

struct mlp_probe_config {
  index_t features = 0;  // width of x
  index_t classes = 0;
  index_t hidden = 2048;
  index_t out = 512;
  index_t layers = 2;  // hidden ones
  probe_norm norm = probe_norm::none;
};

/// `mlp.0`, `mlp.2`, ... (ReLU in between), then the linear layer; see add_linear_head.
inline std::vector<parameter_spec> mlp_probe_parameters(mlp_probe_config const& c, location at = location::current()) {
  expect(c.features >= 1 && c.classes >= 1 && c.hidden >= 1 && c.out >= 1 && c.layers >= 1, "mlp_probe",
         "features, classes, hidden, out and layers must be at least 1", at);
  std::vector<parameter_spec> specs;
  index_t in = c.features;
  for (index_t layer = 0; layer <= c.layers; ++layer) {
    index_t const out = layer == c.layers ? c.out : c.hidden;
    add_linear(specs, "mlp." + std::to_string(2 * layer), out, in);
    in = out;
  }
  add_linear_head(specs, c.features + c.out, c.classes, c.norm);
  return specs;
}

/// Parameters, activations and gradients for up to `max_rows` clips.
template <floating T, backend B>
class mlp_probe {
 public:
  mlp_probe(B const& b, mlp_probe_config const& config, index_t max_rows, std::uint64_t seed)
      : config_(config),
        params_(b, parameter_table(mlp_probe_parameters(config))),
        head_(b, config.features + config.out, config.classes, config.norm, std::size_t(2 * (config.layers + 1)),
              max_rows),
        joint_(b, shape{max_rows, config.features + config.out}),
        djoint_(b, shape{max_rows, config.features + config.out}) {
    params_.initialise(b, seed);
    params_.require_gradients(b);
    for (index_t layer = 0; layer < config.layers; ++layer) {
      hidden_.emplace_back(b, shape{max_rows, config.hidden});
      dhidden_.emplace_back(b, shape{max_rows, config.hidden});
    }
  }

  mlp_probe_config const& config() const { return config_; }
  parameters<T, B>& params() { return params_; }
  linear_head<T, B>& head() { return head_; }

  index_t classes() const { return config_.classes; }
  bool reads_input() const { return false; }  // x alone

  /// Logits [sets * clips, classes], valid until the next call.
  tensor_view<T const, 2, B> forward(B const& b, probe_batch<T, B> const& in, batch_norm_mode mode,
                                     std::uint32_t /*step*/ = 0) {
    tensor_view<T const, 2, B> const x = x_ = in.x;
    index_t const rows = x.extent(0);
    tensor_view<T, 2, B> const joint = joint_.view().rows(0, rows);
    copy(b, x, {.y = joint.columns(0, config_.features)});
    for (index_t layer = 0; layer <= config_.layers; ++layer) {
      bool const last = layer == config_.layers;
      tensor_view<T, 2, B> const y =
          last ? joint.columns(config_.features, config_.out) : hidden_[std::size_t(layer)].view().rows(0, rows);
      linear_forward(b, input(layer, x, rows),
                     {.weight = params_.matrix(weight(layer)),
                      .bias = params_.vector(weight(layer) + 1),
                      .y = y,
                      .act = last ? activation::none : activation::relu});
    }
    return head_.forward(b, params_, joint, mode);
  }

  /// After forward in training mode, whose x must still be there: adds the parameters' gradients.
  void backward(B const& b, tensor_view<T const, 2, B> dlogits) {
    tensor_view<T const, 2, B> const x = x_;
    index_t const rows = x.extent(0);
    tensor_view<T, 2, B> const djoint = djoint_.view().rows(0, rows);
    head_.backward(b, params_, joint_.view().rows(0, rows), dlogits, djoint);
    tensor_view<T, 2, B> dy = djoint.columns(config_.features, config_.out);
    for (index_t layer = config_.layers; layer >= 0; --layer) {
      tensor_view<T, 2, B> const dx =
          layer == 0 ? tensor_view<T, 2, B>() : dhidden_[std::size_t(layer - 1)].view().rows(0, rows);
      tensor_view<T const, 2, B> const in = input(layer, x, rows);
      linear_backward(b, in,
                      {.dy = dy,
                       .weight = params_.matrix(weight(layer)),
                       .dx = dx,
                       .dweight = params_.matrix_gradient(weight(layer)),
                       .dbias = params_.vector_gradient(weight(layer) + 1)});
      if (layer == 0) break;
      relu_backward(b, in, {.dy = dx, .dx = dx});  // its output is positive exactly where its input is
      dy = dx;
    }
  }

 private:
  static std::size_t weight(index_t layer) { return std::size_t(2 * layer); }
  tensor_view<T const, 2, B> input(index_t layer, tensor_view<T const, 2, B> x, index_t rows) const {
    return layer == 0 ? x : hidden_[std::size_t(layer - 1)].view().rows(0, rows);
  }

  mlp_probe_config config_;
  parameters<T, B> params_;
  linear_head<T, B> head_;
  tensor<T, 2, B> joint_, djoint_;
  std::vector<tensor<T, 2, B>> hidden_, dhidden_;
  tensor_view<T const, 2, B> x_;
};

}  // namespace scale
