// SPDX-License-Identifier: Apache-2.0
#pragma once
// One-sided InfoNCE on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/info_nce.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_info_nce_forward(context const& c, tensor_view<T const, 2, context> q,
                                          info_nce_forward_args<T, context> const& a);
template <class T>
SCALE_HIDDEN void launch_info_nce_backward(context const& c, tensor_view<T const, 2, context> q,
                                           info_nce_backward_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void info_nce_forward(context const& c, tensor_view<T const, 2, context> q,
                      info_nce_forward_args<T, context> const& a) {
  detail::launch_info_nce_forward(c, q, a);
}

template <device_float T>
void info_nce_backward(context const& c, tensor_view<T const, 2, context> q,
                       info_nce_backward_args<T, context> const& a) {
  detail::launch_info_nce_backward(c, q, a);
}

}  // namespace scale::cuda
