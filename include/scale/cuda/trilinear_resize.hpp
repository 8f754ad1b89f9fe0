// SPDX-License-Identifier: Apache-2.0
#pragma once
// Trilinear resizing on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/trilinear_resize.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_trilinear_resize_forward(context const& c, tensor_view<T const, 5, context> x,
                                                  trilinear_resize_forward_args<T, context> const& a);
template <class T>
SCALE_HIDDEN void launch_trilinear_resize_backward(context const& c, tensor_view<T const, 5, context> dy,
                                                   trilinear_resize_backward_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void trilinear_resize_forward(context const& c, tensor_view<T const, 5, context> x,
                              trilinear_resize_forward_args<T, context> const& a) {
  detail::launch_trilinear_resize_forward(c, x, a);
}

template <device_float T>
void trilinear_resize_backward(context const& c, tensor_view<T const, 5, context> dy,
                               trilinear_resize_backward_args<T, context> const& a) {
  detail::launch_trilinear_resize_backward(c, dy, a);
}

}  // namespace scale::cuda
