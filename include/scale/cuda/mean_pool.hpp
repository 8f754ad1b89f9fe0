// SPDX-License-Identifier: Apache-2.0
#pragma once
// Mean over all places of a channel on the device.

#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/mean_pool.hpp>

namespace scale::cuda {

namespace detail {

template <class T>
SCALE_HIDDEN void launch_mean_pool_forward(context const& c, tensor_view<T const, 5, context> x,
                                           mean_pool_forward_args<T, context> const& a);
template <class T>
SCALE_HIDDEN void launch_mean_pool_backward(context const& c, tensor_view<T const, 2, context> dy,
                                            mean_pool_backward_args<T, context> const& a);

/// [n, c, h, w] as [n, c, 1, h, w].
template <class T>
tensor_view<T, 5, context> with_time(tensor_view<T, 4, context> const& x) {
  return {x.data_handle(), shape{x.extent(0), x.extent(1), index_t{1}, x.extent(2), x.extent(3)},
          shape{x.stride(0), x.stride(1), index_t{0}, x.stride(2), x.stride(3)}};
}

template <class T>
tensor_view<T, 5, context> with_time(tensor_view<T, 5, context> const& x) {
  return x;
}

}  // namespace detail

template <device_float T, int Rank>
void mean_pool_forward(context const& c, tensor_view<T const, Rank, context> x,
                       mean_pool_forward_args<T, context> const& a) {
  detail::launch_mean_pool_forward<T>(c, detail::with_time(x), a);
}

template <device_float T>
void mean_pool_backward(context const& c, tensor_view<T const, 2, context> dy,
                        mean_pool_backward_args<T, context> const& a) {
  detail::launch_mean_pool_backward(c, dy, a);
}

}  // namespace scale::cuda
