// SPDX-License-Identifier: Apache-2.0
#pragma once
// Motion energy on the device, as many clips at a time as the workspace has rows.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/motion_energy.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_motion_energy(context const& c, tensor_view<T const, 5, context> x,
                                       motion_energy_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void motion_energy(context const& c, tensor_view<T const, 5, context> x, motion_energy_args<T, context> const& a) {
  detail::launch_motion_energy(c, x, a);
}

}  // namespace scale::cuda
