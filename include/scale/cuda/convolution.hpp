// SPDX-License-Identifier: Apache-2.0
#pragma once
// Convolution on the device: see detail/convolution.hpp. Gradients are plain sums, a thread each, in a fixed order.

#include <scale/cuda/detail/convolution.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/convolution.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_convolution_input_gradient(context const& c, tensor_view<T const, 5, context> dy,
                                                    tensor_view<T const, 5, context> weight,
                                                    convolution_axes const& axes, index_t groups,
                                                    tensor_view<T, 5, context> dx);
/// dweight +=
template <class T>
SCALE_HIDDEN void launch_convolution_weight_gradient(context const& c, tensor_view<T const, 5, context> dy,
                                                     tensor_view<T const, 5, context> x, convolution_axes const& axes,
                                                     index_t groups, tensor_view<float, 5, context> dweight);
/// dbias +=
template <class T>
SCALE_HIDDEN void launch_convolution_bias_gradient(context const& c, tensor_view<T const, 5, context> dy,
                                                   tensor_view<float, 1, context> dbias);

}  // namespace detail

template <device_float T, int Rank>
void convolution_forward(context const& c, tensor_view<T const, Rank, context> x_,
                         convolution_forward_args<T, Rank, context> const& a) {
  constexpr auto op = "convolution_forward";
  auto const x = detail::as_volume(x_), weight = detail::as_volume(a.weight), residual = detail::as_volume(a.residual);
  auto const y = detail::as_volume(a.y);
  detail::convolution_axes const axes = detail::axes_of(a.weight.extents(), a);
  if (a.groups > 1)
    return detail::launch_grouped_convolution<T>(c, op, x, weight, axes, a.groups, a.bias, residual, a.act, y);
  tensor<T, 2, context> by_taps(c, shape{weight.extent(0), detail::column_count(axes, x.extent(1))});
  detail::launch_convolution_weights<T>(c, op, weight, by_taps);
  detail::convolve<T>(c, op, x, by_taps, axes, a.bias, residual, a.act, y);
}

template <device_float T, int Rank>
void convolution_backward(context const& c, tensor_view<T const, Rank, context> x_,
                          convolution_backward_args<T, Rank, context> const& a) {
  auto const x = detail::as_volume(x_), weight = detail::as_volume(a.weight), dy = detail::as_volume(a.dy);
  detail::convolution_axes const axes = detail::axes_of(a.weight.extents(), a);
  if (a.dx.has_data())
    detail::launch_convolution_input_gradient<T>(c, dy, weight, axes, a.groups, detail::as_volume(a.dx));
  if (a.dweight.has_data())
    detail::launch_convolution_weight_gradient<T>(c, dy, x, axes, a.groups, detail::as_volume(a.dweight));
  if (a.dbias.has_data()) detail::launch_convolution_bias_gradient<T>(c, dy, a.dbias);
}

}  // namespace scale::cuda
