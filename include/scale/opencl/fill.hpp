// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fill on the device.

#include <scale/core/dtype.hpp>
#include <scale/opencl/context.hpp>
#include <scale/ops/fill.hpp>

#include <cstddef>

namespace scale::opencl {

template <element T>
void fill(context const& c, tensor_view<T, 1, context> destination, T value) {
  constexpr auto op = "fill";
  if (destination.size() == 0) return;
  detail::memory_place const place = c.state().find(destination.data_handle(), op);
  detail::check(clEnqueueFillBuffer(c.state().queue().get(), place.memory, &value, sizeof(T), place.offset,
                                    static_cast<std::size_t>(destination.size()) * sizeof(T), 0, nullptr, nullptr),
                op, "filling");
  c.state().queued(op);
}

}  // namespace scale::opencl
