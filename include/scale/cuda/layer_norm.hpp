// SPDX-License-Identifier: Apache-2.0
#pragma once
// Layer normalisation on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/layer_norm.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_layer_norm_forward(context const& c, tensor_view<T const, 2, context> x,
                                            layer_norm_forward_args<T, context> const& a);
template <class T>
SCALE_HIDDEN void launch_layer_norm_backward(context const& c, tensor_view<T const, 2, context> x,
                                             layer_norm_backward_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void layer_norm_forward(context const& c, tensor_view<T const, 2, context> x,
                        layer_norm_forward_args<T, context> const& a) {
  detail::launch_layer_norm_forward(c, x, a);
}

template <device_float T>
void layer_norm_backward(context const& c, tensor_view<T const, 2, context> x,
                         layer_norm_backward_args<T, context> const& a) {
  detail::launch_layer_norm_backward(c, x, a);
}

}  // namespace scale::cuda
