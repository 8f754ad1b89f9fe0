// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rectified linear unit bounded by 6: contract of relu6_forward and relu6_backward.

#include <scale/core/tensor.hpp>

namespace scale {

/// y = min(max(x, 0), 6). NaN gives NaN. Rows of x [n, c] and y may lie apart; aliasing is exact or absent.
template <class T, backend B>
struct relu6_forward_args {
  tensor_view<T, 2, B> y;  // [n, c]  =, may alias x
};

/// dx = dy where 0 < x < 6, else 0; x is the input of the forward pass, or its output: both give the same.
template <class T, backend B>
struct relu6_backward_args {
  tensor_view<T const, 2, B> dy;  // [n, c]
  tensor_view<T, 2, B> dx;        // [n, c]  =, may alias dy
};

namespace detail::relu6_cpo {

void relu6_forward() = delete;
void relu6_backward() = delete;

template <class B, class X, class A>
concept forward_on = requires(B const& b, X const& x, A const& a) {
  relu6_forward(b, x, a);
};
template <class B, class X, class A>
concept backward_on = requires(B const& b, X const& x, A const& a) {
  relu6_backward(b, x, a);
};

struct forward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<relu6_forward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "relu6_forward";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    expect_shape(op, "x", x, x.extents(), at);
    index_t const n = x.extent(0), c = x.extent(1);
    expect_row_contiguous(op, "x", x, at);
    expect_shape(op, "y", a.y, shape{n, c}, at);
    expect_row_contiguous(op, "y", a.y, at);
    if constexpr (forward_on<B, decltype(x), relu6_forward_args<element_t<X>, B>>)
      relu6_forward(b, x, a);
    else
      static_assert(
          sizeof(X) == 0,
          "relu6_forward: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
          "backend, or see docs/support-matrix.md");
  }
};

struct backward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<relu6_backward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "relu6_backward";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    expect_shape(op, "x", x, x.extents(), at);
    index_t const n = x.extent(0), c = x.extent(1);
    expect_row_contiguous(op, "x", x, at);
    expect_shape(op, "dy", a.dy, shape{n, c}, at);
    expect_row_contiguous(op, "dy", a.dy, at);
    expect_shape(op, "dx", a.dx, shape{n, c}, at);
    expect_row_contiguous(op, "dx", a.dx, at);
    if constexpr (backward_on<B, decltype(x), relu6_backward_args<element_t<X>, B>>)
      relu6_backward(b, x, a);
    else
      static_assert(
          sizeof(X) == 0,
          "relu6_backward: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
          "backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::relu6_cpo

inline constexpr detail::relu6_cpo::forward_fn relu6_forward{};
inline constexpr detail::relu6_cpo::backward_fn relu6_backward{};

}  // namespace scale
