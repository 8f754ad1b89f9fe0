// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rotary positions on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/rotary.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_rotary(context const& c, tensor_view<T const, 2, context> x, rotary_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void rotary(context const& c, tensor_view<T const, 2, context> x, rotary_args<T, context> const& a) {
  detail::launch_rotary(c, x, a);
}

}  // namespace scale::cuda
