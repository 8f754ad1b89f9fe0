// SPDX-License-Identifier: Apache-2.0
#pragma once
// Mean of row groups on the CPU.

#include <scale/cpu/detail/runs.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/group_mean.hpp>

namespace scale::cpu {

template <cpu_float T>
void group_mean_forward(context const& c, tensor_view<T const, 2, context> x,
                        group_mean_forward_args<T, context> const& a) {
  index_t const columns = x.extent(1), group = a.group;
  auto const row = [&, columns, group](index_t r, T* out) {
    T const* const first = x.data_handle() + r * group * x.stride(0);
#pragma omp simd
    for (index_t j = 0; j < columns; ++j) out[j] = first[j];
    for (index_t g = 1; g < group; ++g) {
      T const* const in = first + g * x.stride(0);
#pragma omp simd
      for (index_t j = 0; j < columns; ++j) out[j] += in[j];
    }
#pragma omp simd
    for (index_t j = 0; j < columns; ++j) out[j] /= T(group);
  };
  detail::for_each_row(c, row, a.y);
}

template <cpu_float T>
void group_mean_backward(context const& c, tensor_view<T const, 2, context> dy,
                         group_mean_backward_args<T, context> const& a) {
  index_t const columns = dy.extent(1), group = a.group;
  auto const row = [&, columns, group](index_t s, T* out) {
    T const* const in = dy.data_handle() + s / group * dy.stride(0);
#pragma omp simd
    for (index_t j = 0; j < columns; ++j) out[j] = in[j] / T(group);
  };
  detail::for_each_row(c, row, a.dx);
}

}  // namespace scale::cpu
