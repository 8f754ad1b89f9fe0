// SPDX-License-Identifier: Apache-2.0
#pragma once
// AdamW on the CPU: one pass, as fast as memory.

#include <scale/cpu/detail/isa.hpp>
#include <scale/cpu/detail/parallel.hpp>
#include <scale/cpu/detail/square_roots.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/adamw.hpp>

#include <algorithm>
#include <cmath>

namespace scale::cpu {

template <cpu_float T>
void adamw_step(context const& c, tensor_view<acc_t<T> const, 1, context> gradient, adamw_args<T, context> const& a) {
  constexpr index_t block = 256;
  double const step = static_cast<double>(a.step);
  T const decay = static_cast<T>(1 - a.lr * a.weight_decay), eps = static_cast<T>(a.eps);
  T const beta1 = static_cast<T>(a.beta1), rest1 = static_cast<T>(1 - a.beta1);
  T const beta2 = static_cast<T>(a.beta2), rest2 = static_cast<T>(1 - a.beta2);
  T const rate = static_cast<T>(a.lr / (1 - std::pow(a.beta1, step)));
  T const root_correction = static_cast<T>(std::sqrt(1 - std::pow(a.beta2, step)));
  auto const update = [=](index_t n, T const* g, T* m, T* v, T* w) {
    T roots[block];
#pragma omp simd
    for (index_t i = 0; i < n; ++i) {
      m[i] = beta1 * m[i] + rest1 * g[i];
      v[i] = beta2 * v[i] + rest2 * g[i] * g[i];
    }
    detail::square_roots(v, roots, n);
#pragma omp simd
    for (index_t i = 0; i < n; ++i) w[i] = w[i] * decay - rate * m[i] / (roots[i] / root_correction + eps);
  };
  detail::parallel_for(c, gradient.size(), detail::grain_for(7 * sizeof(T)), [&](index_t begin, index_t end) {
    detail::simd_dispatch([&] {
      for (index_t i = begin; i < end; i += block)
        update((std::min)(block, end - i), gradient.data_handle() + i, a.m.data_handle() + i, a.v.data_handle() + i,
               a.param.data_handle() + i);
    });
  });
}

}  // namespace scale::cpu
