// SPDX-License-Identifier: Apache-2.0
#pragma once
// Mean over groups of rows on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/group_mean.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_group_mean_forward(context const& c, tensor_view<T const, 2, context> x,
                                            group_mean_forward_args<T, context> const& a);
template <class T>
SCALE_HIDDEN void launch_group_mean_backward(context const& c, tensor_view<T const, 2, context> dy,
                                             group_mean_backward_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void group_mean_forward(context const& c, tensor_view<T const, 2, context> x,
                        group_mean_forward_args<T, context> const& a) {
  detail::launch_group_mean_forward(c, x, a);
}

template <device_float T>
void group_mean_backward(context const& c, tensor_view<T const, 2, context> dy,
                         group_mean_backward_args<T, context> const& a) {
  detail::launch_group_mean_backward(c, dy, a);
}

}  // namespace scale::cuda
