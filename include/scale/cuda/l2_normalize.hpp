// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rows of Euclidean length 1 on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/l2_normalize.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_l2_normalize_forward(context const& c, tensor_view<T const, 2, context> x,
                                              l2_normalize_forward_args<T, context> const& a);
template <class T>
SCALE_HIDDEN void launch_l2_normalize_backward(context const& c, tensor_view<T const, 2, context> y,
                                               l2_normalize_backward_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void l2_normalize_forward(context const& c, tensor_view<T const, 2, context> x,
                          l2_normalize_forward_args<T, context> const& a) {
  detail::launch_l2_normalize_forward(c, x, a);
}

template <device_float T>
void l2_normalize_backward(context const& c, tensor_view<T const, 2, context> y,
                           l2_normalize_backward_args<T, context> const& a) {
  detail::launch_l2_normalize_backward(c, y, a);
}

}  // namespace scale::cuda
