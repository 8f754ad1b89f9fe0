// SPDX-License-Identifier: Apache-2.0
#pragma once
// Picking rows by number, and adding them back, on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/gather_rows.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_gather_rows_forward(context const& c, tensor_view<T const, 2, context> x,
                                             gather_rows_forward_args<T, context> const& a);
template <class T>
SCALE_HIDDEN void launch_gather_rows_backward(context const& c, tensor_view<T const, 2, context> dy,
                                              gather_rows_backward_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void gather_rows_forward(context const& c, tensor_view<T const, 2, context> x,
                         gather_rows_forward_args<T, context> const& a) {
  detail::launch_gather_rows_forward(c, x, a);
}

template <device_float T>
void gather_rows_backward(context const& c, tensor_view<T const, 2, context> dy,
                          gather_rows_backward_args<T, context> const& a) {
  detail::launch_gather_rows_backward(c, dy, a);
}

}  // namespace scale::cuda
