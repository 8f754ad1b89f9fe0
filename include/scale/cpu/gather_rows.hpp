// SPDX-License-Identifier: Apache-2.0
#pragma once
// Gathering of rows on the CPU.

#include <scale/cpu/detail/isa.hpp>
#include <scale/cpu/detail/parallel.hpp>
#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/gather_rows.hpp>

#include <algorithm>

namespace scale::cpu {

template <cpu_element T>
void gather_rows_forward(context const& c, tensor_view<T const, 2, context> x,
                         gather_rows_forward_args<T, context> const& a) {
  index_t const columns = x.extent(1);
  detail::parallel_for(
      c, a.y.extent(0), detail::grain_for(2 * columns * index_t{sizeof(T)}), [&](index_t begin, index_t end) {
        for (index_t r = begin; r < end; ++r)
          std::copy_n(x.data_handle() + a.index(r) * x.stride(0), columns, a.y.data_handle() + r * a.y.stride(0));
      });
}

/// Threads share the columns, so that every sum runs over the rows in order.
template <cpu_element T>
void gather_rows_backward(context const& c, tensor_view<T const, 2, context> dy,
                          gather_rows_backward_args<T, context> const& a) {
  index_t const m = dy.extent(0);
  index_t const grain = (std::max)(index_t{64}, detail::grain_for(3 * m * index_t{sizeof(T)}));
  detail::parallel_for(c, dy.extent(1), grain, [&](index_t begin, index_t end) {
    detail::simd_dispatch([&] {
      for (index_t r = 0; r < m; ++r) {
        T const* const from = dy.data_handle() + r * dy.stride(0);
        T* const to = a.dx.data_handle() + a.index(r) * a.dx.stride(0);
#pragma omp simd
        for (index_t j = begin; j < end; ++j) detail::round_to(to[j], stat_t<T>(to[j]) + stat_t<T>(from[j]));
      }
    });
  });
}

}  // namespace scale::cpu
