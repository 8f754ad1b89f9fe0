// SPDX-License-Identifier: Apache-2.0
#pragma once
// Pooling of frames on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/frame_pool.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_frame_pool(context const& c, tensor_view<T const, 2, context> x,
                                    frame_pool_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void frame_pool(context const& c, tensor_view<T const, 2, context> x, frame_pool_args<T, context> const& a) {
  detail::launch_frame_pool(c, x, a);
}

}  // namespace scale::cuda
