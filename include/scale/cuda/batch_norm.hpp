// SPDX-License-Identifier: Apache-2.0
#pragma once
// Batch normalisation on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/batch_norm.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_batch_norm_forward(context const& c, tensor_view<T const, 3, context> x,
                                            batch_norm_forward_args<T, context> const& a);
template <class T>
SCALE_HIDDEN void launch_batch_norm_backward(context const& c, tensor_view<T const, 3, context> x,
                                             batch_norm_backward_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void batch_norm_forward(context const& c, tensor_view<T const, 3, context> x,
                        batch_norm_forward_args<T, context> const& a) {
  detail::launch_batch_norm_forward(c, x, a);
}

template <device_float T>
void batch_norm_backward(context const& c, tensor_view<T const, 3, context> x,
                         batch_norm_backward_args<T, context> const& a) {
  detail::launch_batch_norm_backward(c, x, a);
}

}  // namespace scale::cuda
