// SPDX-License-Identifier: Apache-2.0
#pragma once
// Dropout with an optional residual sum: contract of dropout_forward and dropout_backward.

#include <scale/core/random.hpp>
#include <scale/core/tensor.hpp>
#include <scale/ops/expect_value.hpp>

#include <cstdint>
#include <string>

namespace scale {

/// y = residual + keep * x * s for x [n, c], s = 1 / (1 - p) rounded once to stat_t; keep is 0 or 1. Element (r, j) is
/// kept where dropout_keeps(key, rows[r] * c + j, p): a mask is a function of key and place, the same on every backend,
/// for any subset of rows and any number of threads. p = 0: y = residual + x, and no random number is drawn.
/// Rows may lie apart. p in [0, 1).
template <class T, backend B>
struct dropout_forward_args {
  tensor_view<T, 2, B> y;                 // [n, c]  =, may alias x or residual
  tensor_view<T const, 2, B> residual{};  // [n, c]  optional: 0
  double p = 0;                           // probability of being dropped
  random_key key{};
  tensor_view<std::int32_t const, 1, B> rows{};  // [n]  optional: number of each row, not negative; default 0 .. n - 1
};

/// dx = keep * dy * s with the same p, key and rows. The gradient of residual is dy itself. The positional tensor is
/// dy.
template <class T, backend B>
struct dropout_backward_args {
  tensor_view<T, 2, B> dx;  // [n, c]  =, may alias dy
  double p = 0;
  random_key key{};
  tensor_view<std::int32_t const, 1, B> rows{};  // [n]  optional, as forward
};

namespace detail::dropout_cpo {

void dropout_forward() = delete;
void dropout_backward() = delete;

template <class B, class X, class A>
concept forward_on = requires(B const& b, X const& x, A const& a) {
  dropout_forward(b, x, a);
};
template <class B, class X, class A>
concept backward_on = requires(B const& b, X const& x, A const& a) {
  dropout_backward(b, x, a);
};

struct forward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<dropout_forward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "dropout_forward";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    expect_shape(op, "x", x, x.extents(), at);
    index_t const n = x.extent(0), c = x.extent(1);
    expect_row_contiguous(op, "x", x, at);
    expect_shape(op, "y", a.y, shape{n, c}, at);
    expect_row_contiguous(op, "y", a.y, at);
    expect_shape_if_given(op, "residual", a.residual, shape{n, c}, at);
    expect_row_contiguous(op, "residual", a.residual, at);
    expect_probability(op, "p", a.p, at);
    expect_shape_if_given(op, "rows", a.rows, shape{n}, at);
    expect_contiguous(op, "rows", a.rows, at);
    expect_index_range(op, "rows", a.rows, 0, index_t{1} << 31, at);
    if constexpr (forward_on<B, decltype(x), dropout_forward_args<element_t<X>, B>>)
      dropout_forward(b, x, a);
    else
      static_assert(
          sizeof(X) == 0,
          "dropout_forward: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
          "backend, or see docs/support-matrix.md");
  }
};

struct backward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<dropout_backward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "dropout_backward";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    expect_shape(op, "dy", x, x.extents(), at);
    index_t const n = x.extent(0), c = x.extent(1);
    expect_row_contiguous(op, "dy", x, at);
    expect_shape(op, "dx", a.dx, shape{n, c}, at);
    expect_row_contiguous(op, "dx", a.dx, at);
    expect_probability(op, "p", a.p, at);
    expect_shape_if_given(op, "rows", a.rows, shape{n}, at);
    expect_contiguous(op, "rows", a.rows, at);
    expect_index_range(op, "rows", a.rows, 0, index_t{1} << 31, at);
    if constexpr (backward_on<B, decltype(x), dropout_backward_args<element_t<X>, B>>)
      dropout_backward(b, x, a);
    else
      static_assert(
          sizeof(X) == 0,
          "dropout_backward: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
          "backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::dropout_cpo

inline constexpr detail::dropout_cpo::forward_fn dropout_forward{};
inline constexpr detail::dropout_cpo::backward_fn dropout_backward{};

}  // namespace scale
