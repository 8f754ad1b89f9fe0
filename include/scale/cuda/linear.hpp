// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fully connected layer on the device: products by cuBLASLt, which adds the bias; activations by kernels of their own,
// since cuBLASLt's GELU is the one with tanh.

#include <scale/cuda/copy.hpp>
#include <scale/cuda/detail/product.hpp>
#include <scale/cuda/gelu.hpp>
#include <scale/cuda/relu.hpp>
#include <scale/ops/linear.hpp>

namespace scale::cuda {

namespace detail {

/// dbias += sum over the rows of dy.
template <class T>
SCALE_HIDDEN void launch_bias_gradient(context const& c, tensor_view<T const, 2, context> dy,
                                       tensor_view<float, 1, context> dbias);

}  // namespace detail

template <device_float T>
void linear_forward(context const& c, tensor_view<T const, 2, context> x, linear_forward_args<T, context> const& a) {
  tensor_view<T, 2, context> const sum = a.pre.has_data() ? a.pre : a.y;
  detail::multiply<T>(c, "linear_forward", detail::product_matrix::of(x), detail::product_matrix::of(a.weight, true),
                      sum, write_mode::assign, a.bias);
  if (a.act == activation::relu) detail::launch_relu_forward<T>(c, sum, {.y = a.y});
  if (a.act == activation::gelu) detail::launch_gelu_forward<T>(c, sum, {.y = a.y});
  if (a.act == activation::none && a.pre.has_data()) copy<T>(c, sum, {.y = a.y});
}

template <device_float T>
void linear_backward(context const& c, tensor_view<T const, 2, context> x, linear_backward_args<T, context> const& a) {
  constexpr auto op = "linear_backward";
  using detail::product_matrix;
  if (a.dx.has_data())
    detail::multiply<T>(c, op, product_matrix::of(a.dy), product_matrix::of(a.weight), a.dx, a.dx_mode);
  if (a.dweight.has_data())
    detail::multiply<T>(c, op, product_matrix::of(a.dy, true), product_matrix::of(x), a.dweight,
                        write_mode::accumulate);
  if (a.dbias.has_data()) detail::launch_bias_gradient(c, a.dy, a.dbias);
}

}  // namespace scale::cuda
