// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rows of Euclidean length 1: contract of l2_normalize_forward and l2_normalize_backward.

#include <scale/core/tensor.hpp>

#include <string>
#include <type_traits>

namespace scale {

/// y = x / max(|x|, eps) per row of x [n, c]. Rows may lie apart. y must not alias x. The norm neither overflows nor
/// vanishes where the squares would.
template <class T, backend B>
struct l2_normalize_forward_args {
  tensor_view<T, 2, B> y;             // [n, c]  =
  tensor_view<stat_t<T>, 1, B> norm;  // [n]     = |x|, kept for backward
  double eps = 1e-12;
};

/// Gradient of x from dy; the positional argument is the forward's y. (dy - y (y . dy)) / |x| where |x| >= eps,
/// dy / eps where 0 < |x| < eps, and 0 where |x| = 0. dx may alias dy.
template <class T, backend B>
struct l2_normalize_backward_args {
  tensor_view<T const, 2, B> dy;            // [n, c]
  tensor_view<stat_t<T> const, 1, B> norm;  // [n]
  tensor_view<T, 2, B> dx;                  // [n, c]  =
  double eps = 1e-12;
};

namespace detail::l2_normalize_cpo {

void l2_normalize_forward() = delete;
void l2_normalize_backward() = delete;

template <class B, class X, class A>
concept forward_on = requires(B const& b, X const& x, A const& a) {
  l2_normalize_forward(b, x, a);
};
template <class B, class X, class A>
concept backward_on = requires(B const& b, X const& x, A const& a) {
  l2_normalize_backward(b, x, a);
};

struct forward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<l2_normalize_forward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "l2_normalize_forward";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    index_t const n = x.extent(0), c = x.extent(1);
    expect_row_contiguous(op, "x", x, at);
    expect_shape(op, "y", a.y, shape{n, c}, at);
    expect_row_contiguous(op, "y", a.y, at);
    expect_shape(op, "norm", a.norm, shape{n}, at);
    expect_contiguous(op, "norm", a.norm, at);
    expect(a.eps > 0, op, "eps must be positive, got " + std::to_string(a.eps), at);
    if constexpr (forward_on<B, decltype(x), l2_normalize_forward_args<element_t<X>, B>>)
      l2_normalize_forward(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "l2_normalize_forward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

struct backward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& y_, std::type_identity_t<l2_normalize_backward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "l2_normalize_backward";
    tensor_view<element_t<X> const, 2, B> const y = y_;
    index_t const n = y.extent(0), c = y.extent(1);
    expect_row_contiguous(op, "y", y, at);
    expect_shape(op, "dy", a.dy, shape{n, c}, at);
    expect_row_contiguous(op, "dy", a.dy, at);
    expect_shape(op, "norm", a.norm, shape{n}, at);
    expect_contiguous(op, "norm", a.norm, at);
    expect_shape(op, "dx", a.dx, shape{n, c}, at);
    expect_row_contiguous(op, "dx", a.dx, at);
    expect(a.eps > 0, op, "eps must be positive, got " + std::to_string(a.eps), at);
    if constexpr (backward_on<B, decltype(y), l2_normalize_backward_args<element_t<X>, B>>)
      l2_normalize_backward(b, y, a);
    else
      static_assert(sizeof(X) == 0,
                    "l2_normalize_backward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::l2_normalize_cpo

inline constexpr detail::l2_normalize_cpo::forward_fn l2_normalize_forward{};
inline constexpr detail::l2_normalize_cpo::backward_fn l2_normalize_backward{};

}  // namespace scale
