// SPDX-License-Identifier: Apache-2.0
#pragma once
// Softmax over the last axis: contract of softmax_forward and softmax_backward.

#include <scale/core/tensor.hpp>

namespace scale {

/// y = exp(x - max) / sum exp(x - max) per row of x [n, c]. Rows may lie apart; y must not alias x. An entry of
/// -infinity has weight 0; a row of -infinity alone is undefined: NaN.
template <class T, backend B>
struct softmax_forward_args {
  tensor_view<T, 2, B> y;  // [n, c]  =
};

/// dx = y * (dy - sum over the row of y * dy). The positional tensor is y, the output of the forward pass.
template <class T, backend B>
struct softmax_backward_args {
  tensor_view<T const, 2, B> dy;  // [n, c]
  tensor_view<T, 2, B> dx;        // [n, c]  =, may alias dy
};

namespace detail::softmax_cpo {

void softmax_forward() = delete;
void softmax_backward() = delete;

template <class B, class X, class A>
concept forward_on = requires(B const& b, X const& x, A const& a) {
  softmax_forward(b, x, a);
};
template <class B, class X, class A>
concept backward_on = requires(B const& b, X const& x, A const& a) {
  softmax_backward(b, x, a);
};

struct forward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<softmax_forward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "softmax_forward";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    expect_shape(op, "x", x, x.extents(), at);
    index_t const n = x.extent(0), c = x.extent(1);
    expect_row_contiguous(op, "x", x, at);
    expect_shape(op, "y", a.y, shape{n, c}, at);
    expect_row_contiguous(op, "y", a.y, at);
    if constexpr (forward_on<B, decltype(x), softmax_forward_args<element_t<X>, B>>)
      softmax_forward(b, x, a);
    else
      static_assert(
          sizeof(X) == 0,
          "softmax_forward: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
          "backend, or see docs/support-matrix.md");
  }
};

struct backward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<softmax_backward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "softmax_backward";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    expect_shape(op, "y", x, x.extents(), at);
    index_t const n = x.extent(0), c = x.extent(1);
    expect_row_contiguous(op, "y", x, at);
    expect_shape(op, "dy", a.dy, shape{n, c}, at);
    expect_row_contiguous(op, "dy", a.dy, at);
    expect_shape(op, "dx", a.dx, shape{n, c}, at);
    expect_row_contiguous(op, "dx", a.dx, at);
    if constexpr (backward_on<B, decltype(x), softmax_backward_args<element_t<X>, B>>)
      softmax_backward(b, x, a);
    else
      static_assert(
          sizeof(X) == 0,
          "softmax_backward: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
          "backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::softmax_cpo

inline constexpr detail::softmax_cpo::forward_fn softmax_forward{};
inline constexpr detail::softmax_cpo::backward_fn softmax_backward{};

}  // namespace scale
