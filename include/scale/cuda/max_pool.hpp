// SPDX-License-Identifier: Apache-2.0
#pragma once
// Max pooling on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/max_pool.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_max_pool_forward(context const& c, tensor_view<T const, 5, context> x,
                                          max_pool_forward_args<T, context> const& a);
template <class T>
SCALE_HIDDEN void launch_max_pool_backward(context const& c, tensor_view<T const, 5, context> dy,
                                           max_pool_backward_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void max_pool_forward(context const& c, tensor_view<T const, 5, context> x,
                      max_pool_forward_args<T, context> const& a) {
  detail::launch_max_pool_forward(c, x, a);
}

template <device_float T>
void max_pool_backward(context const& c, tensor_view<T const, 5, context> dy,
                       max_pool_backward_args<T, context> const& a) {
  detail::launch_max_pool_backward(c, dy, a);
}

}  // namespace scale::cuda
