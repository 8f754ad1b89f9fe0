// SPDX-License-Identifier: Apache-2.0
#pragma once
// Dropout on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/dropout.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_dropout_forward(context const& c, tensor_view<T const, 2, context> x,
                                         dropout_forward_args<T, context> const& a);
template <class T>
SCALE_HIDDEN void launch_dropout_backward(context const& c, tensor_view<T const, 2, context> dy,
                                          dropout_backward_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void dropout_forward(context const& c, tensor_view<T const, 2, context> x, dropout_forward_args<T, context> const& a) {
  detail::launch_dropout_forward(c, x, a);
}

template <device_float T>
void dropout_backward(context const& c, tensor_view<T const, 2, context> dy,
                      dropout_backward_args<T, context> const& a) {
  detail::launch_dropout_backward(c, dy, a);
}

}  // namespace scale::cuda
