// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rectified linear unit on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/relu.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_relu_forward(context const& c, tensor_view<T const, 2, context> x,
                                      relu_forward_args<T, context> const& a);
template <class T>
SCALE_HIDDEN void launch_relu_backward(context const& c, tensor_view<T const, 2, context> x,
                                       relu_backward_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void relu_forward(context const& c, tensor_view<T const, 2, context> x, relu_forward_args<T, context> const& a) {
  detail::launch_relu_forward(c, x, a);
}

template <device_float T>
void relu_backward(context const& c, tensor_view<T const, 2, context> x, relu_backward_args<T, context> const& a) {
  detail::launch_relu_backward(c, x, a);
}

}  // namespace scale::cuda
