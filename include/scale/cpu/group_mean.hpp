// SPDX-License-Identifier: Apache-2.0
#pragma once
// Mean of row groups on the CPU.

#include <scale/cpu/detail/reduce.hpp>
#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/detail/runs.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/group_mean.hpp>

#include <algorithm>

namespace scale::cpu {

template <cpu_element T>
void group_mean_forward(context const& c, tensor_view<T const, 2, context> x,
                        group_mean_forward_args<T, context> const& a) {
  index_t const columns = x.extent(1), group = a.group;
  auto const row = [&, columns, group](index_t r, T* out) {
    T const* const first = x.data_handle() + r * group * x.stride(0);
    for (index_t begin = 0; begin < columns; begin += detail::reduction_lanes) {
      index_t const count = (std::min)(columns - begin, index_t{detail::reduction_lanes});
      float sums[detail::reduction_lanes] = {};
      for (index_t g = 0; g < group; ++g) {
        T const* const in = first + g * x.stride(0) + begin;
#pragma omp simd
        for (index_t j = 0; j < count; ++j) sums[j] += float(in[j]);
      }
#pragma omp simd
      for (index_t j = 0; j < count; ++j) detail::round_to(out[begin + j], sums[j] / static_cast<float>(group));
    }
  };
  detail::for_each_row(c, row, a.y);
}

template <cpu_element T>
void group_mean_backward(context const& c, tensor_view<T const, 2, context> dy,
                         group_mean_backward_args<T, context> const& a) {
  index_t const columns = dy.extent(1), group = a.group;
  auto const row = [&, columns, group](index_t s, T* out) {
    T const* const in = dy.data_handle() + s / group * dy.stride(0);
#pragma omp simd
    for (index_t j = 0; j < columns; ++j) detail::round_to(out[j], float(in[j]) / static_cast<float>(group));
  };
  detail::for_each_row(c, row, a.dx);
}

}  // namespace scale::cpu
