// SPDX-License-Identifier: Apache-2.0
#pragma once
// Copy and sum of matrices on the CPU.

#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/detail/runs.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/copy.hpp>

#include <algorithm>

namespace scale::cpu {

template <element T>
void copy(context const& c, tensor_view<T const, 2, context> x, copy_args<T, context> const& a) {
  if constexpr (floating<T>) {
    if (a.mode == write_mode::accumulate) {
      auto const add = [](index_t length, T const* in, T* out) {
#pragma omp simd
        for (index_t i = 0; i < length; ++i) detail::round_to(out[i], stat_t<T>(out[i]) + stat_t<T>(in[i]));
      };
      detail::for_each_run(c, add, x, a.y);
      return;
    }
  }
  detail::for_each_run(
      c, [](index_t length, T const* in, T* out) { std::copy(in, in + length, out); }, x, a.y);
}

}  // namespace scale::cpu
