// SPDX-License-Identifier: Apache-2.0
#pragma once
// One step of AdamW on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/adamw.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_adamw_step(context const& c, tensor_view<float const, 1, context> gradient,
                                    adamw_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void adamw_step(context const& c, tensor_view<float const, 1, context> gradient, adamw_args<T, context> const& a) {
  detail::launch_adamw_step(c, gradient, a);
}

}  // namespace scale::cuda
