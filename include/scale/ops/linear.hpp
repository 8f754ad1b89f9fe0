// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fully connected layer: contract of linear_forward and linear_backward.

#include <scale/core/tensor.hpp>
#include <scale/ops/activation.hpp>
#include <scale/ops/write_mode.hpp>

namespace scale {

/// y = act(x W^T + bias) for x [n, i]. Rows of x, y and pre may lie apart; no output aliases an input or the other. In a
/// 16-bit type the activation may be that of the rounded sum.
template <class T, backend B>
struct linear_forward_args {
  tensor_view<T const, 2, B> weight;  // [o, i]  contiguous
  tensor_view<T const, 1, B> bias{};  // [o]     optional
  tensor_view<T, 2, B> y;             // [n, o]  =
  activation act = activation::none;  // none, relu or gelu
  tensor_view<T, 2, B> pre{};         // [n, o]  =, optional: x W^T + bias, which the backward of act needs
};

/// Gradients from dy, the gradient of x W^T + bias: the caller has undone the activation. Each output is optional; dx
/// needs weight. dx must not alias dy. Sums over n have a fixed order: equal inputs give equal bits.
template <class T, backend B>
struct linear_backward_args {
  tensor_view<T const, 2, B> dy;          // [n, o]
  tensor_view<T const, 2, B> weight;      // [o, i]  contiguous, needed with dx
  tensor_view<T, 2, B> dx{};              // [n, i]  = or +=, see dx_mode; optional
  tensor_view<acc_t<T>, 2, B> dweight{};  // [o, i]  +=, contiguous, optional
  tensor_view<acc_t<T>, 1, B> dbias{};    // [o]     +=, optional
  write_mode dx_mode = write_mode::assign;
};

namespace detail::linear_cpo {

void linear_forward() = delete;
void linear_backward() = delete;

template <class B, class X, class A>
concept forward_on = requires(B const& b, X const& x, A const& a) {
  linear_forward(b, x, a);
};
template <class B, class X, class A>
concept backward_on = requires(B const& b, X const& x, A const& a) {
  linear_backward(b, x, a);
};

struct forward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<linear_forward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "linear_forward";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    expect_shape(op, "x", x, x.extents(), at);
    index_t const n = x.extent(0), i = x.extent(1), o = a.weight.extent(0);
    expect_row_contiguous(op, "x", x, at);
    expect_shape(op, "weight", a.weight, shape{o, i}, at);
    expect_contiguous(op, "weight", a.weight, at);
    expect_shape_if_given(op, "bias", a.bias, shape{o}, at);
    expect_contiguous(op, "bias", a.bias, at);
    expect_shape(op, "y", a.y, shape{n, o}, at);
    expect_row_contiguous(op, "y", a.y, at);
    expect_shape_if_given(op, "pre", a.pre, shape{n, o}, at);
    expect_row_contiguous(op, "pre", a.pre, at);
    expect(a.act != activation::relu6, op, "act: expected none, relu or gelu, got relu6", at);
    if constexpr (forward_on<B, decltype(x), linear_forward_args<element_t<X>, B>>)
      linear_forward(b, x, a);
    else
      static_assert(
          sizeof(X) == 0,
          "linear_forward: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
          "backend, or see docs/support-matrix.md");
  }
};

struct backward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<linear_backward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "linear_backward";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    expect_shape(op, "x", x, x.extents(), at);
    index_t const n = x.extent(0), i = x.extent(1), o = a.dy.extent(1);
    expect_row_contiguous(op, "x", x, at);
    expect_shape(op, "dy", a.dy, shape{n, o}, at);
    expect_row_contiguous(op, "dy", a.dy, at);
    if (a.dx.has_data()) expect_shape(op, "weight", a.weight, shape{o, i}, at);
    expect_contiguous(op, "weight", a.weight, at);
    expect_shape_if_given(op, "dx", a.dx, shape{n, i}, at);
    expect_row_contiguous(op, "dx", a.dx, at);
    expect_shape_if_given(op, "dweight", a.dweight, shape{o, i}, at);
    expect_contiguous(op, "dweight", a.dweight, at);
    expect_shape_if_given(op, "dbias", a.dbias, shape{o}, at);
    expect_contiguous(op, "dbias", a.dbias, at);
    if constexpr (backward_on<B, decltype(x), linear_backward_args<element_t<X>, B>>)
      linear_backward(b, x, a);
    else
      static_assert(
          sizeof(X) == 0,
          "linear_backward: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
          "backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::linear_cpo

inline constexpr detail::linear_cpo::forward_fn linear_forward{};
inline constexpr detail::linear_cpo::backward_fn linear_backward{};

}  // namespace scale
