// SPDX-License-Identifier: Apache-2.0
#pragma once
// Linear layers and layer normalisations as parts of a network: operators bound to parameters by number.

#include <scale/nn/parameters.hpp>
#include <scale/ops/layer_norm.hpp>
#include <scale/ops/linear.hpp>

#include <cstddef>
#include <string>

namespace scale {

/// y = act(x W^T + b) with parameters NAME.weight and, where it exists, NAME.bias.
class linear_layer {
 public:
  linear_layer() = default;
  linear_layer(parameter_table const& table, std::string const& name)
      : weight_(table.number(name + ".weight")), has_bias_(table.contains(name + ".bias")) {
    if (has_bias_) bias_ = table.number(name + ".bias");
  }

  /// x [n, in]; y [n, out] =. `pre` [n, out] = the sum before the activation, where given.
  template <floating T, backend B>
  void forward(B const& b, parameters<T, B> const& p, matrix_arg<T const, B> x, matrix_arg<T, B> y,
               activation act = activation::none, matrix_arg<T, B> pre = {}) const {
    linear_forward(b, x, {.weight = p.matrix(weight_), .bias = bias(p), .y = y, .act = act, .pre = pre});
  }

  /// Gradients from dy [n, out], of the sum before the activation: parameters +=, dx [n, in] = where given.
  template <floating T, backend B>
  void backward(B const& b, parameters<T, B>& p, matrix_arg<T const, B> x, matrix_arg<T const, B> dy,
                matrix_arg<T, B> dx = {}) const {
    rows_backward(b, p, 0, dy.extent(1), x, dy, dx);
  }

  /// The same for output features [begin, begin + count) alone: a part of a joint projection.
  template <floating T, backend B>
  void rows_forward(B const& b, parameters<T, B> const& p, index_t begin, index_t count, matrix_arg<T const, B> x,
                    matrix_arg<T, B> y) const {
    tensor_view<T const, 1, B> const part = has_bias_ ? bias(p).rows(begin, count) : tensor_view<T const, 1, B>{};
    linear_forward(b, x, {.weight = p.matrix(weight_).rows(begin, count), .bias = part, .y = y});
  }
  template <floating T, backend B>
  void rows_backward(B const& b, parameters<T, B>& p, index_t begin, index_t count, matrix_arg<T const, B> x,
                     matrix_arg<T const, B> dy, matrix_arg<T, B> dx) const {
    tensor_view<acc_t<T>, 1, B> dbias;
    if (has_bias_) dbias = p.vector_gradient(bias_).rows(begin, count);
    linear_backward(b, x,
                    {.dy = dy,
                     .weight = p.matrix(weight_).rows(begin, count),
                     .dx = dx,
                     .dweight = p.matrix_gradient(weight_).rows(begin, count),
                     .dbias = dbias});
  }

  template <floating T, backend B>
  tensor_view<T const, 2, B> weight(parameters<T, B> const& p) const {
    return p.matrix(weight_);
  }

 private:
  template <floating T, backend B>
  tensor_view<T const, 1, B> bias(parameters<T, B> const& p) const {
    return has_bias_ ? p.vector(bias_) : tensor_view<T const, 1, B>{};
  }

  std::size_t weight_ = 0;
  std::size_t bias_ = 0;
  bool has_bias_ = false;
};

/// Mean and 1 / standard deviation of each row, which a layer norm keeps for its backward.
template <floating T, backend B>
struct row_statistics {
  tensor_view<stat_t<T>, 1, B> mean, rstd;  // [n]
};

/// Layer normalisation with parameters NAME.weight and NAME.bias, eps 1e-5.
class norm_layer {
 public:
  norm_layer() = default;
  norm_layer(parameter_table const& table, std::string const& name)
      : gamma_(table.number(name + ".weight")), beta_(table.number(name + ".bias")) {}

  template <floating T, backend B>
  void forward(B const& b, parameters<T, B> const& p, matrix_arg<T const, B> x, row_statistics<T, B> kept,
               matrix_arg<T, B> y) const {
    layer_norm_forward(
        b, x, {.gamma = p.vector(gamma_), .beta = p.vector(beta_), .y = y, .mean = kept.mean, .rstd = kept.rstd});
  }

  /// Parameters' gradients +=; dx = or +=, and it may alias dy where it is assigned.
  template <floating T, backend B>
  void backward(B const& b, parameters<T, B>& p, matrix_arg<T const, B> x, row_statistics<T, B> kept,
                matrix_arg<T const, B> dy, matrix_arg<T, B> dx, write_mode mode) const {
    layer_norm_backward(b, x,
                        {.dy = dy,
                         .gamma = p.vector(gamma_),
                         .mean = kept.mean,
                         .rstd = kept.rstd,
                         .dx = dx,
                         .dgamma = p.vector_gradient(gamma_),
                         .dbeta = p.vector_gradient(beta_),
                         .dx_mode = mode});
  }

 private:
  std::size_t gamma_ = 0;
  std::size_t beta_ = 0;
};

}  // namespace scale
