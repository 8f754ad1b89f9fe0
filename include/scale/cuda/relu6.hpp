// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rectified linear unit bounded by 6 on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/relu6.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_relu6_forward(context const& c, tensor_view<T const, 2, context> x,
                                       relu6_forward_args<T, context> const& a);
template <class T>
SCALE_HIDDEN void launch_relu6_backward(context const& c, tensor_view<T const, 2, context> x,
                                        relu6_backward_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void relu6_forward(context const& c, tensor_view<T const, 2, context> x, relu6_forward_args<T, context> const& a) {
  detail::launch_relu6_forward(c, x, a);
}

template <device_float T>
void relu6_backward(context const& c, tensor_view<T const, 2, context> x, relu6_backward_args<T, context> const& a) {
  detail::launch_relu6_backward(c, x, a);
}

}  // namespace scale::cuda
