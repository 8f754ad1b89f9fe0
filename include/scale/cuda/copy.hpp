// SPDX-License-Identifier: Apache-2.0
#pragma once
// Copy and sum of matrices on the device.

#include <scale/core/dtype.hpp>
#include <scale/cuda/context.hpp>
#include <scale/ops/copy.hpp>

#include <cstddef>

namespace scale::cuda {

namespace detail {

/// y += x.
template <class T>
SCALE_HIDDEN void launch_add(context const& c, tensor_view<T const, 2, context> x, tensor_view<T, 2, context> y);

}  // namespace detail

template <element T>
void copy(context const& c, tensor_view<T const, 2, context> x, copy_args<T, context> const& a) {
  constexpr auto op = "copy";
  if (x.size() == 0) return;
  if constexpr (floating<T>) {
    if (a.mode == write_mode::accumulate) return detail::launch_add(c, x, a.y);
  }
  detail::device_scope const scope(c.options().device, op);
  auto const pitch = [&](auto const& view) {  // a single row may have any stride
    return static_cast<std::size_t>(view.extent(0) == 1 ? view.extent(1) : view.stride(0)) * sizeof(T);
  };
  detail::check(cudaMemcpy2DAsync(a.y.data_handle(), pitch(a.y), x.data_handle(), pitch(x),
                                  static_cast<std::size_t>(x.extent(1)) * sizeof(T),
                                  static_cast<std::size_t>(x.extent(0)), cudaMemcpyDeviceToDevice, c.stream()),
                op, "copying");
  c.state().queued(op);
}

}  // namespace scale::cuda
