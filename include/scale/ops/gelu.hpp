// SPDX-License-Identifier: Apache-2.0
#pragma once
// Gaussian error linear unit, the exact form: contract of gelu_forward and gelu_backward.

#include <scale/core/tensor.hpp>

namespace scale {

/// y = x * Phi(x), Phi the normal distribution function: x / 2 * (1 + erf(x / sqrt(2))). Rows of x [n, c] and y may lie
/// apart; aliasing is exact (the same view) or absent. -0, infinities and NaN follow from the formula's limits:
/// -infinity gives -0.
template <class T, backend B>
struct gelu_forward_args {
  tensor_view<T, 2, B> y;  // [n, c]  =, may alias x
};

/// dx = dy * (Phi(x) + x * phi(x)), phi the normal density; x is the input of the forward pass.
template <class T, backend B>
struct gelu_backward_args {
  tensor_view<T const, 2, B> dy;  // [n, c]
  tensor_view<T, 2, B> dx;        // [n, c]  =, may alias dy
};

namespace detail::gelu_cpo {

void gelu_forward() = delete;
void gelu_backward() = delete;

template <class B, class X, class A>
concept forward_on = requires(B const& b, X const& x, A const& a) {
  gelu_forward(b, x, a);
};
template <class B, class X, class A>
concept backward_on = requires(B const& b, X const& x, A const& a) {
  gelu_backward(b, x, a);
};

struct forward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<gelu_forward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "gelu_forward";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    expect_shape(op, "x", x, x.extents(), at);
    index_t const n = x.extent(0), c = x.extent(1);
    expect_row_contiguous(op, "x", x, at);
    expect_shape(op, "y", a.y, shape{n, c}, at);
    expect_row_contiguous(op, "y", a.y, at);
    if constexpr (forward_on<B, decltype(x), gelu_forward_args<element_t<X>, B>>)
      gelu_forward(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "gelu_forward: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
                    "backend, or see docs/support-matrix.md");
  }
};

struct backward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<gelu_backward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "gelu_backward";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    expect_shape(op, "x", x, x.extents(), at);
    index_t const n = x.extent(0), c = x.extent(1);
    expect_row_contiguous(op, "x", x, at);
    expect_shape(op, "dy", a.dy, shape{n, c}, at);
    expect_row_contiguous(op, "dy", a.dy, at);
    expect_shape(op, "dx", a.dx, shape{n, c}, at);
    expect_row_contiguous(op, "dx", a.dx, at);
    if constexpr (backward_on<B, decltype(x), gelu_backward_args<element_t<X>, B>>)
      gelu_backward(b, x, a);
    else
      static_assert(
          sizeof(X) == 0,
          "gelu_backward: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
          "backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::gelu_cpo

inline constexpr detail::gelu_cpo::forward_fn gelu_forward{};
inline constexpr detail::gelu_cpo::backward_fn gelu_backward{};

}  // namespace scale
