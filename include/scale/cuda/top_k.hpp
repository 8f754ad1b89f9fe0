// SPDX-License-Identifier: Apache-2.0
#pragma once
// Nearest rows by dot product on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/top_k.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_top_k_dot(context const& c, tensor_view<T const, 2, context> queries,
                                   top_k_dot_args<T, context> const& a);

}  // namespace detail

template <device_float T>
void top_k_dot(context const& c, tensor_view<T const, 2, context> queries, top_k_dot_args<T, context> const& a) {
  detail::launch_top_k_dot(c, queries, a);
}

}  // namespace scale::cuda
