// SPDX-License-Identifier: Apache-2.0
#pragma once
// Softmax over the last axis on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/softmax.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_softmax_forward(context const& c, tensor_view<T const, 2, context> x,
                                         softmax_forward_args<T, context> const& a);
template <class T>
SCALE_HIDDEN void launch_softmax_backward(context const& c, tensor_view<T const, 2, context> y,
                                          softmax_backward_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void softmax_forward(context const& c, tensor_view<T const, 2, context> x, softmax_forward_args<T, context> const& a) {
  detail::launch_softmax_forward(c, x, a);
}

template <device_float T>
void softmax_backward(context const& c, tensor_view<T const, 2, context> y,
                      softmax_backward_args<T, context> const& a) {
  detail::launch_softmax_backward(c, y, a);
}

}  // namespace scale::cuda
