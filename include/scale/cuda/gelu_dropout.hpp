// SPDX-License-Identifier: Apache-2.0
#pragma once
// GELU behind dropout on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/gelu_dropout.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_gelu_dropout(context const& c, tensor_view<T const, 2, context> x,
                                      gelu_dropout_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void gelu_dropout(context const& c, tensor_view<T const, 2, context> x, gelu_dropout_args<T, context> const& a) {
  detail::launch_gelu_dropout(c, x, a);
}

}  // namespace scale::cuda
