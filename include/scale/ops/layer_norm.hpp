// SPDX-License-Identifier: Apache-2.0
#pragma once
// Layer normalisation over the last axis: contract of layer_norm_forward and layer_norm_backward.

#include <scale/core/tensor.hpp>
#include <scale/ops/write_mode.hpp>

namespace scale {

/// y = (x - mean) * rstd * gamma + beta per row of x [n, c]; mean over the row, rstd = 1 / sqrt(variance + eps) with
/// the biased variance (divisor c). x and y may have gaps between rows; y must not alias x.
template <class T, backend B>
struct layer_norm_forward_args {
  tensor_view<T const, 1, B> gamma, beta;   // [c]
  tensor_view<T, 2, B> y;                   // [n, c]  =
  tensor_view<stat_t<T>, 1, B> mean, rstd;  // [n]     =, kept for backward
  double eps = 1e-5;
};

/// Gradients from dy. dx may be added to what is there; it may alias dy if it is assigned.
template <class T, backend B>
struct layer_norm_backward_args {
  tensor_view<T const, 2, B> dy;                  // [n, c]
  tensor_view<T const, 1, B> gamma;               // [c]
  tensor_view<stat_t<T> const, 1, B> mean, rstd;  // [n]
  tensor_view<T, 2, B> dx;                        // [n, c]  = or +=, see dx_mode
  tensor_view<acc_t<T>, 1, B> dgamma, dbeta;      // [c]     +=
  write_mode dx_mode = write_mode::assign;
};

namespace detail::layer_norm_cpo {

void layer_norm_forward() = delete;
void layer_norm_backward() = delete;

template <class B, class X, class A>
concept forward_on = requires(B const& b, X const& x, A const& a) {
  layer_norm_forward(b, x, a);
};
template <class B, class X, class A>
concept backward_on = requires(B const& b, X const& x, A const& a) {
  layer_norm_backward(b, x, a);
};

struct forward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<layer_norm_forward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "layer_norm_forward";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    index_t const n = x.extent(0), c = x.extent(1);
    expect_shape(op, "x", x, x.extents(), at);
    expect_row_contiguous(op, "x", x, at);
    expect_shape(op, "gamma", a.gamma, shape{c}, at);
    expect_contiguous(op, "gamma", a.gamma, at);
    expect_shape(op, "beta", a.beta, shape{c}, at);
    expect_contiguous(op, "beta", a.beta, at);
    expect_shape(op, "y", a.y, shape{n, c}, at);
    expect_row_contiguous(op, "y", a.y, at);
    expect_shape(op, "mean", a.mean, shape{n}, at);
    expect_contiguous(op, "mean", a.mean, at);
    expect_shape(op, "rstd", a.rstd, shape{n}, at);
    expect_contiguous(op, "rstd", a.rstd, at);
    if constexpr (forward_on<B, decltype(x), layer_norm_forward_args<element_t<X>, B>>)
      layer_norm_forward(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "layer_norm_forward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

struct backward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<layer_norm_backward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "layer_norm_backward";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    index_t const n = x.extent(0), c = x.extent(1);
    expect_shape(op, "x", x, x.extents(), at);
    expect_row_contiguous(op, "x", x, at);
    expect_shape(op, "dy", a.dy, shape{n, c}, at);
    expect_row_contiguous(op, "dy", a.dy, at);
    expect_shape(op, "gamma", a.gamma, shape{c}, at);
    expect_contiguous(op, "gamma", a.gamma, at);
    expect_shape(op, "mean", a.mean, shape{n}, at);
    expect_contiguous(op, "mean", a.mean, at);
    expect_shape(op, "rstd", a.rstd, shape{n}, at);
    expect_contiguous(op, "rstd", a.rstd, at);
    expect_shape(op, "dx", a.dx, shape{n, c}, at);
    expect_row_contiguous(op, "dx", a.dx, at);
    expect_shape(op, "dgamma", a.dgamma, shape{c}, at);
    expect_contiguous(op, "dgamma", a.dgamma, at);
    expect_shape(op, "dbeta", a.dbeta, shape{c}, at);
    expect_contiguous(op, "dbeta", a.dbeta, at);
    if constexpr (backward_on<B, decltype(x), layer_norm_backward_args<element_t<X>, B>>)
      layer_norm_backward(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "layer_norm_backward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::layer_norm_cpo

inline constexpr detail::layer_norm_cpo::forward_fn layer_norm_forward{};
inline constexpr detail::layer_norm_cpo::backward_fn layer_norm_backward{};

}  // namespace scale
