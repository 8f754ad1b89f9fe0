// SPDX-License-Identifier: Apache-2.0
#pragma once
// Gaussian error linear unit on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/gelu.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_gelu_forward(context const& c, tensor_view<T const, 2, context> x,
                                      gelu_forward_args<T, context> const& a);
template <class T>
SCALE_HIDDEN void launch_gelu_backward(context const& c, tensor_view<T const, 2, context> x,
                                       gelu_backward_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void gelu_forward(context const& c, tensor_view<T const, 2, context> x, gelu_forward_args<T, context> const& a) {
  detail::launch_gelu_forward(c, x, a);
}

template <device_float T>
void gelu_backward(context const& c, tensor_view<T const, 2, context> x, gelu_backward_args<T, context> const& a) {
  detail::launch_gelu_backward(c, x, a);
}

}  // namespace scale::cuda
