// SPDX-License-Identifier: Apache-2.0
#pragma once
// A projection head of the objectives: linear layers without bias, exact GELU between them, forward and backward.

#include <scale/nn/arena.hpp>
#include <scale/nn/linear_layer.hpp>
#include <scale/ops/elementwise_product.hpp>
#include <scale/ops/gelu_dropout.hpp>
#include <scale/ops/matmul.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace scale {

/// What a head's forward leaves for its backward. All matrices have the memory of the widest hidden layer.
template <floating T, backend B>
struct head_state {
  std::vector<tensor_view<T, 2, B>> pre;  // [n, hidden] of each layer, before the GELU; for backward, its slope there
  tensor_view<T, 2, B> act;               // [n, hidden] after the last GELU; backward turns it into the gradient
};

/// What becomes of a head's activation between forward and backward.
enum class head_activation {
  stays,
  goes,  // its memory serves others: recompute fills it again
};

/// Of the hidden layers only one activation is kept. Backward computes the others again, each in the memory of the
/// layer after it, which it no longer needs.
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
    expect(layers_.size() > 1, "projection_head", "the network has no head named " + name + " with a hidden layer");
    widest_ = *std::max_element(widths_.begin(), widths_.end() - 1);
  }

  index_t out_width() const { return widths_.back(); }
  std::size_t hidden_layers() const { return layers_.size() - 1; }

  /// A state without memory; made once, so that a step need not allocate.
  template <floating T, backend B>
  head_state<T, B> make_state() const {
    return {std::vector<tensor_view<T, 2, B>>(hidden_layers()), {}};
  }
  template <floating T, backend B>
  void take_pre(arena<B>& a, head_state<T, B>& s, index_t n) const {
    for (std::size_t i = 0; i < hidden_layers(); ++i) s.pre[i] = hidden(a.template take<T>(shape{n, widest_}), i);
  }
  template <floating T, backend B>
  void take_act(arena<B>& a, head_state<T, B>& s, index_t n) const {
    s.act = hidden(a.template take<T>(shape{n, widest_}), hidden_layers() - 1);
  }

  /// x [n, in] -> y [n, out] =. Backward may follow at once where the activation stays; else recompute stands between.
  template <floating T, backend B>
  void forward(B const& b, parameters<T, B> const& p, head_state<T, B> const& s, matrix_arg<T const, B> x,
               matrix_arg<T, B> y, head_activation activation) const {
    tensor_view<T const, 2, B> input = x;
    for (std::size_t i = 0; i < hidden_layers(); ++i) {
      bool const needs_slope = i + 1 == hidden_layers() && activation == head_activation::stays;
      layers_[i].forward(b, p, input, s.pre[i]);
      tensor_view<T, 2, B> const act = hidden(s.act, i);
      gelu_dropout(b, s.pre[i], {.y = act, .slope = needs_slope ? s.pre[i] : tensor_view<T, 2, B>()});
      input = act;
    }
    layers_.back().forward(b, p, input, y);
  }

  /// Fills the activation from `pre` again, where its memory served others since the forward. Once.
  template <floating T, backend B>
  void recompute(B const& b, head_state<T, B> const& s) const {
    gelu_dropout(b, s.pre.back(), {.y = s.act, .slope = s.pre.back()});
  }

  /// Gradients from dy [n, out]: parameters +=, dx [n, in] = where given. Overwrites the state.
  template <floating T, backend B>
  void backward(B const& b, parameters<T, B>& p, head_state<T, B> const& s, matrix_arg<T const, B> x,
                matrix_arg<T const, B> dy, matrix_arg<T, B> dx = {}) const {
    tensor_view<T const, 2, B> gradient = dy;
    tensor_view<T, 2, B> act = s.act;
    for (std::size_t i = hidden_layers(); i-- > 0;) {
      tensor_view<T, 2, B> const slope = s.pre[i];
      layers_[i + 1].backward(b, p, act, gradient);
      matmul(b, gradient, {.b = layers_[i + 1].weight(p), .c = act});  // its own gradient, in its place
      elementwise_product(b, act, {.by = slope, .y = act});
      gradient = act;
      if (i == 0) break;
      act = hidden(slope, i - 1);
      gelu_dropout(b, s.pre[i - 1], {.y = act, .slope = s.pre[i - 1]});
    }
    layers_.front().backward(b, p, x, gradient, dx);
  }

 private:
  /// Memory of the widest layer, as a matrix of layer i.
  template <floating T, backend B>
  tensor_view<T, 2, B> hidden(tensor_view<T, 2, B> memory, std::size_t i) const {
    return {memory.data_handle(), shape{memory.extent(0), widths_[i]}};
  }

  std::vector<linear_layer> layers_;
  std::vector<index_t> widths_;  // of what each layer gives
  index_t widest_ = 0;           // of the hidden ones
};

}  // namespace scale
