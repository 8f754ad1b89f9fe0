// SPDX-License-Identifier: Apache-2.0
#pragma once
// Attention within sets of tokens on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/attention.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_attention_forward(context const& c, tensor_view<T const, 2, context> q,
                                           attention_forward_args<T, context> const& a);
template <class T>
SCALE_HIDDEN void launch_attention_backward(context const& c, tensor_view<T const, 2, context> q,
                                            attention_backward_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void attention_forward(context const& c, tensor_view<T const, 2, context> q,
                       attention_forward_args<T, context> const& a) {
  detail::launch_attention_forward(c, q, a);
}

template <device_float T>
void attention_backward(context const& c, tensor_view<T const, 2, context> q,
                        attention_backward_args<T, context> const& a) {
  detail::launch_attention_backward(c, q, a);
}

}  // namespace scale::cuda
