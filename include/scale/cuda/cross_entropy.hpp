// SPDX-License-Identifier: Apache-2.0
#pragma once
// Mean cross-entropy on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/cross_entropy.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_cross_entropy_forward(context const& c, tensor_view<T const, 2, context> logits,
                                               cross_entropy_forward_args<T, context> const& a);
template <class T>
SCALE_HIDDEN void launch_cross_entropy_backward(context const& c, tensor_view<T const, 2, context> logits,
                                                cross_entropy_backward_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void cross_entropy_forward(context const& c, tensor_view<T const, 2, context> logits,
                           cross_entropy_forward_args<T, context> const& a) {
  detail::launch_cross_entropy_forward(c, logits, a);
}

template <device_float T>
void cross_entropy_backward(context const& c, tensor_view<T const, 2, context> logits,
                            cross_entropy_backward_args<T, context> const& a) {
  detail::launch_cross_entropy_backward(c, logits, a);
}

}  // namespace scale::cuda
