// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rotary positions on the CPU: one vectorised pass, rows over the threads.

#include <scale/cpu/detail/runs.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/rotary.hpp>

namespace scale::cpu {

template <cpu_float T>
void rotary(context const& c, tensor_view<T const, 2, context> x, rotary_args<T, context> const& a) {
  index_t const width = a.cosine.extent(1), columns = x.extent(1);
  auto const row = [&, width, columns](index_t, T const* in, T const* cosine, T const* sine, T* out) {
    for (index_t head = 0; head < columns; head += width) {
      T const* const from = in + head;
      T* const to = out + head;
#pragma omp simd
      for (index_t d = 0; d < width; d += 2) {
        T const first = from[d], second = from[d + 1];
        to[d] = first * cosine[d] - second * sine[d];
        to[d + 1] = second * cosine[d + 1] + first * sine[d + 1];
      }
    }
  };
  detail::for_each_row(c, row, x, a.cosine, a.sine, a.y);
}

}  // namespace scale::cpu
