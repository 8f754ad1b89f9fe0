// SPDX-License-Identifier: Apache-2.0
#pragma once
// Picking clips of a feature store on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/gather_clips.hpp>

namespace scale::cuda {

namespace detail {

template <class S, class T>
SCALE_HIDDEN void launch_gather_clips(context const& c, tensor_view<S const, 3, context> store,
                                      tensor_view<T, 2, context> y, gather_clips_args<T, context> const& a);

}  // namespace detail

template <storable S, device_float T>
void gather_clips(context const& c, tensor_view<S const, 3, context> store, tensor_view<T, 2, context> y,
                  gather_clips_args<T, context> const& a) {
  detail::launch_gather_clips(c, store, y, a);
}

}  // namespace scale::cuda
