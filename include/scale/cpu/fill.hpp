// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fill on the CPU.

#include <scale/cpu/detail/parallel.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/fill.hpp>

#include <algorithm>

namespace scale::cpu {

template <element T>
void fill(context const& c, tensor_view<T, 1, context> destination, T value) {
  detail::parallel_for(c, destination.size(), detail::grain_for(sizeof(T)), [&](index_t begin, index_t end) {
    std::fill(destination.data_handle() + begin, destination.data_handle() + end, value);
  });
}

}  // namespace scale::cpu
