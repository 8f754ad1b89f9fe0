// SPDX-License-Identifier: Apache-2.0
#pragma once
// Cutting of patches on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/patch_rows.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_patch_rows(context const& c, tensor_view<T const, 5, context> clips,
                                    patch_rows_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void patch_rows(context const& c, tensor_view<T const, 5, context> clips, patch_rows_args<T, context> const& a) {
  detail::launch_patch_rows(c, clips, a);
}

}  // namespace scale::cuda
