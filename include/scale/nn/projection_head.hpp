// SPDX-License-Identifier: Apache-2.0
#pragma once
// A projection head of the objectives: linear layers without bias, exact GELU between them, forward and backward.

#include <scale/nn/arena.hpp>
#include <scale/nn/linear_layer.hpp>
#include <scale/ops/elementwise_product.hpp>
#include <scale/ops/gelu_dropout.hpp>
#include <scale/ops/matmul.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace scale {

/// What a head's forward leaves for its backward, per hidden layer.
template <floating T, backend B>
struct head_state {
  std::vector<tensor_view<T, 2, B>> pre;  // [n, hidden]  before the GELU; for backward, its slope there
  std::vector<tensor_view<T, 2, B>> act;  // [n, hidden]  after it; backward turns it into the gradient
};

/// What becomes of a head's activations between forward and backward.
enum class head_activations {
  stay,
  go,  // their memory serves others: recompute fills them again
};

class projection_head {
 public:
  projection_head() = default;

  /// Parameters NAME.0.weight, NAME.2.weight, ..., as many as the table has.
  projection_head(parameter_table const& table, std::string const& name) {
    for (std::size_t i = 0; table.contains(name + "." + std::to_string(2 * i) + ".weight"); ++i) {
      std::string const layer = name + "." + std::to_string(2 * i);
      layers_.emplace_back(table, layer);
      widths_.push_back(table.at(layer + ".weight").shape[0]);
    }
    expect(!layers_.empty(), "projection_head", "the network has no head named " + name);
  }

  index_t out_width() const { return widths_.back(); }
  std::size_t hidden_layers() const { return layers_.size() - 1; }

  /// A state without memory; made once, so that a step need not allocate.
  template <floating T, backend B>
  head_state<T, B> make_state() const {
    return {std::vector<tensor_view<T, 2, B>>(hidden_layers()), std::vector<tensor_view<T, 2, B>>(hidden_layers())};
  }
  template <floating T, backend B>
  void take_pre(arena<B>& a, head_state<T, B>& s, index_t n) const {
    for (std::size_t i = 0; i < hidden_layers(); ++i) s.pre[i] = a.template take<T>(shape{n, widths_[i]});
  }
  template <floating T, backend B>
  void take_act(arena<B>& a, head_state<T, B>& s, index_t n) const {
    for (std::size_t i = 0; i < hidden_layers(); ++i) s.act[i] = a.template take<T>(shape{n, widths_[i]});
  }

  /// x [n, in] -> y [n, out] =. Backward may follow at once where the activations stay; else recompute stands between.
  template <floating T, backend B>
  void forward(B const& b, parameters<T, B> const& p, head_state<T, B> const& s, matrix_arg<T const, B> x,
               matrix_arg<T, B> y, head_activations activations) const {
    bool const stay = activations == head_activations::stay;
    tensor_view<T const, 2, B> input = x;
    for (std::size_t i = 0; i < hidden_layers(); ++i) {
      layers_[i].forward(b, p, input, s.pre[i]);
      gelu_dropout(b, s.pre[i], {.y = s.act[i], .slope = stay ? s.pre[i] : tensor_view<T, 2, B>()});
      input = s.act[i];
    }
    layers_.back().forward(b, p, input, y);
  }

  /// Fills the activations from `pre` again, where their memory served others since the forward. Once.
  template <floating T, backend B>
  void recompute(B const& b, head_state<T, B> const& s) const {
    for (std::size_t i = 0; i < hidden_layers(); ++i) gelu_dropout(b, s.pre[i], {.y = s.act[i], .slope = s.pre[i]});
  }

  /// Gradients from dy [n, out]: parameters +=, dx [n, in] = where given. Overwrites the activations.
  template <floating T, backend B>
  void backward(B const& b, parameters<T, B>& p, head_state<T, B> const& s, matrix_arg<T const, B> x,
                matrix_arg<T const, B> dy, matrix_arg<T, B> dx = {}) const {
    tensor_view<T const, 2, B> gradient = dy;
    for (std::size_t i = layers_.size() - 1; i > 0; --i) {
      tensor_view<T, 2, B> const act = s.act[i - 1];
      layers_[i].backward(b, p, act, gradient);
      matmul(b, gradient, {.b = layers_[i].weight(p), .c = act});  // its own gradient, in its place
      elementwise_product(b, act, {.by = s.pre[i - 1], .y = act});
      gradient = act;
    }
    layers_.front().backward(b, p, x, gradient, dx);
  }

 private:
  std::vector<linear_layer> layers_;
  std::vector<index_t> widths_;
};

}  // namespace scale
