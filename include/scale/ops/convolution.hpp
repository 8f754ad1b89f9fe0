// SPDX-License-Identifier: Apache-2.0
#pragma once
// Convolution in two or three dimensions: contract of convolution_forward and convolution_backward.

#include <scale/core/tensor.hpp>
#include <scale/ops/activation.hpp>

#include <cstddef>
#include <string>
#include <type_traits>

namespace scale {

/// y = act(x * weight + bias + residual) for x [n, c, h, w] (Rank 4) or [n, c, t, h, w] (Rank 5), correlation as
/// networks mean it, zero padding. An output extent is (in + pad_begin + pad_end - kernel) / stride + 1, rounded down.
/// x, y and residual may have any strides without overlap: row-major and channels-last alike. y may alias residual
/// (same strides), not x. Arrays hold one number per spatial axis, outermost first.
template <class T, int Rank, backend B>
struct convolution_forward_args {
  static constexpr std::size_t axes = static_cast<std::size_t>(Rank) - 2;
  tensor_view<T const, Rank, B> weight;  // [o, c / groups, kernel...], contiguous
  tensor_view<T const, 1, B> bias{};     // [o] optional
  tensor_view<T, Rank, B> y;             // [n, o, ...]  =
  index_t stride[axes];                  // >= 1
  index_t pad_begin[axes], pad_end[axes];
  index_t groups = 1;                        // divides c and o
  activation act = activation::none;         // none, relu or relu6
  tensor_view<T const, Rank, B> residual{};  // shape of y, optional; added before the activation
};

/// Gradients from dy, the gradient of x * weight + bias: activation and residual are already undone. x, dy and dx may
/// have any strides without overlap; outputs alias nothing. What is not given is not computed.
template <class T, int Rank, backend B>
struct convolution_backward_args {
  static constexpr std::size_t axes = static_cast<std::size_t>(Rank) - 2;
  tensor_view<T const, Rank, B> dy;          // [n, o, ...]
  tensor_view<T const, Rank, B> weight;      // [o, c / groups, kernel...], contiguous
  tensor_view<T, Rank, B> dx{};              // shape of x, optional            =
  tensor_view<acc_t<T>, Rank, B> dweight{};  // shape of weight, optional      +=
  tensor_view<acc_t<T>, 1, B> dbias{};       // [o] optional                   +=
  index_t stride[axes];
  index_t pad_begin[axes], pad_end[axes];
  index_t groups = 1;
};

namespace detail {

/// Throws argument_error unless all strides are positive and elements do not overlap, in whatever order of the axes.
template <class T, int Rank, backend B>
void expect_no_overlap(char const* op, char const* argument, tensor_view<T, Rank, B> const& view, location at) {
  if (!view.has_data() || view.size() == 0) return;
  bool used[5] = {};
  index_t reach = 1;  // elements below this offset belong to the axes seen so far
  bool sound = true;
  for (int round = 0; round < Rank; ++round) {
    int smallest = -1;
    for (int axis = 0; axis < Rank; ++axis)
      if (!used[axis] && (smallest < 0 || view.stride(axis) < view.stride(smallest) ||
                          (view.stride(axis) == view.stride(smallest) && view.extent(axis) < view.extent(smallest))))
        smallest = axis;
    used[smallest] = true;
    if (view.extent(smallest) == 1) continue;
    sound = sound && view.stride(smallest) >= reach;
    reach = view.stride(smallest) * (view.extent(smallest) - 1) + reach;
  }
  if (!sound)
    throw_expected(op, std::string(argument) + " layout", "positive strides without overlap",
                   "strides " + to_string(view.strides()) + " for shape " + to_string(view.extents()), at);
}

/// The shape of y for x and weights of these shapes and the stride, padding and groups of `a`. Throws argument_error
/// where they do not go together.
template <int Rank, class Args>
shape<Rank> convolution_output(char const* op, shape<Rank> const& x, shape<Rank> const& weight, Args const& a,
                               location at) {
  index_t const c = x[1], o = weight[0];
  if (c < 1) throw_expected(op, "x.extent(1)", "at least one channel", std::to_string(c), at);
  if (a.groups < 1 || c % a.groups != 0 || o % a.groups != 0)
    throw_expected(op, "groups", "a divisor of " + std::to_string(c) + " and of " + std::to_string(o) + " channels",
                   std::to_string(a.groups), at);
  shape<Rank> out = x;
  out[1] = o;
  for (int axis = 2; axis < Rank; ++axis) {
    index_t const kernel = weight[axis], stride = a.stride[axis - 2];
    index_t const begin = a.pad_begin[axis - 2], end = a.pad_end[axis - 2];
    std::string const which = " of spatial axis " + std::to_string(axis - 2);
    if (stride < 1) throw_expected(op, "stride" + which, "at least 1", std::to_string(stride), at);
    if (begin < 0) throw_expected(op, "pad_begin" + which, "at least 0", std::to_string(begin), at);
    if (end < 0) throw_expected(op, "pad_end" + which, "at least 0", std::to_string(end), at);
    index_t const room = x[axis] + begin + end;
    if (kernel < 1 || kernel > room)
      throw_expected(op, "weight.extent(" + std::to_string(axis) + ")",
                     "from 1 to the padded input's " + std::to_string(room), std::to_string(kernel), at);
    out[axis] = (room - kernel) / stride + 1;
  }
  return out;
}

/// Checks what forward and backward share; `y` is the output or its gradient, named `y_name`.
template <class T, class Y, int Rank, backend B, class Args>
void check_convolution(char const* op, tensor_view<T const, Rank, B> const& x, tensor_view<Y, Rank, B> const& y,
                       char const* y_name, Args const& a, location at) {
  static_assert(Rank == 4 || Rank == 5, "convolution: x has 2 or 3 spatial axes");
  shape<Rank> weight = a.weight.extents();
  shape<Rank> const out = convolution_output(op, x.extents(), weight, a, at);
  weight[1] = x.extent(1) / a.groups;
  expect_no_overlap(op, "x", x, at);
  expect_shape(op, "weight", a.weight, weight, at);
  expect_contiguous(op, "weight", a.weight, at);
  expect_shape(op, y_name, y, out, at);
  expect_no_overlap(op, y_name, y, at);
}

}  // namespace detail

namespace detail::convolution_cpo {

void convolution_forward() = delete;
void convolution_backward() = delete;

template <class B, class X, class A>
concept forward_on = requires(B const& b, X const& x, A const& a) {
  convolution_forward(b, x, a);
};
template <class B, class X, class A>
concept backward_on = requires(B const& b, X const& x, A const& a) {
  convolution_backward(b, x, a);
};

struct forward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_,
                  std::type_identity_t<convolution_forward_args<element_t<X>, rank_of<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "convolution_forward";
    tensor_view<element_t<X> const, rank_of<X>, B> const x = x_;
    check_convolution(op, x, a.y, "y", a, at);
    expect_shape_if_given(op, "bias", a.bias, shape{a.weight.extent(0)}, at);
    expect_contiguous(op, "bias", a.bias, at);
    expect_shape_if_given(op, "residual", a.residual, a.y.extents(), at);
    expect_no_overlap(op, "residual", a.residual, at);
    expect(a.act != activation::gelu, op, "act must be none, relu or relu6, got gelu", at);
    if constexpr (forward_on<B, decltype(x), convolution_forward_args<element_t<X>, rank_of<X>, B>>)
      convolution_forward(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "convolution_forward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

struct backward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_,
                  std::type_identity_t<convolution_backward_args<element_t<X>, rank_of<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "convolution_backward";
    tensor_view<element_t<X> const, rank_of<X>, B> const x = x_;
    check_convolution(op, x, a.dy, "dy", a, at);
    expect_shape_if_given(op, "dx", a.dx, x.extents(), at);
    expect_no_overlap(op, "dx", a.dx, at);
    expect_shape_if_given(op, "dweight", a.dweight, a.weight.extents(), at);
    expect_contiguous(op, "dweight", a.dweight, at);
    expect_shape_if_given(op, "dbias", a.dbias, shape{a.weight.extent(0)}, at);
    expect_contiguous(op, "dbias", a.dbias, at);
    if constexpr (backward_on<B, decltype(x), convolution_backward_args<element_t<X>, rank_of<X>, B>>)
      convolution_backward(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "convolution_backward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::convolution_cpo

inline constexpr detail::convolution_cpo::forward_fn convolution_forward{};
inline constexpr detail::convolution_cpo::backward_fn convolution_backward{};

}  // namespace scale
