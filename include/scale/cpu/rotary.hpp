// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rotary positions on the CPU: one vectorised pass, rows over the threads.

#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/detail/runs.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/rotary.hpp>

namespace scale::cpu {

template <cpu_element T>
void rotary(context const& c, tensor_view<T const, 2, context> x, rotary_args<T, context> const& a) {
  using S = stat_t<T>;
  index_t const width = a.cosine.extent(1), columns = x.extent(1);
  auto const row = [&, width, columns](index_t, T const* in, T const* cosine, T const* sine, T* out) {
    for (index_t head = 0; head < columns; head += width) {
      T const* const from = in + head;
      T* const to = out + head;
#pragma omp simd
      for (index_t d = 0; d < width; d += 2) {
        S const first = S(from[d]), second = S(from[d + 1]);
        detail::round_to(to[d], first * S(cosine[d]) - second * S(sine[d]));
        detail::round_to(to[d + 1], second * S(cosine[d + 1]) + first * S(sine[d + 1]));
      }
    }
  };
  detail::for_each_row(c, row, x, a.cosine, a.sine, a.y);
}

}  // namespace scale::cpu
