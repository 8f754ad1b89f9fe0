// SPDX-License-Identifier: Apache-2.0
#pragma once
// AdamW on the CPU: one pass, as fast as memory.

#include <scale/cpu/detail/isa.hpp>
#include <scale/cpu/detail/parallel.hpp>
#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/detail/square_roots.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/adamw.hpp>

#include <algorithm>
#include <cmath>

namespace scale::cpu {

template <cpu_element T>
void adamw_step(context const& c, tensor_view<acc_t<T> const, 1, context> gradient, adamw_args<T, context> const& a) {
  using acc = acc_t<T>;
  constexpr index_t block = 256;
  double const step = static_cast<double>(a.step);
  acc const decay = static_cast<acc>(1 - a.lr * a.weight_decay), eps = static_cast<acc>(a.eps);
  acc const beta1 = static_cast<acc>(a.beta1), rest1 = static_cast<acc>(1 - a.beta1);
  acc const beta2 = static_cast<acc>(a.beta2), rest2 = static_cast<acc>(1 - a.beta2);
  acc const rate = static_cast<acc>(a.lr / (1 - std::pow(a.beta1, step)));
  acc const root_correction = static_cast<acc>(std::sqrt(1 - std::pow(a.beta2, step)));
  auto const update = [=](index_t n, acc const* g, acc* m, acc* v, acc* w, T* rounded) {
    acc roots[block];
#pragma omp simd
    for (index_t i = 0; i < n; ++i) {
      m[i] = beta1 * m[i] + rest1 * g[i];
      v[i] = beta2 * v[i] + rest2 * g[i] * g[i];
    }
    detail::square_roots(v, roots, n);
#pragma omp simd
    for (index_t i = 0; i < n; ++i) w[i] = w[i] * decay - rate * m[i] / (roots[i] / root_correction + eps);
    if (rounded == nullptr) return;
#pragma omp simd
    for (index_t i = 0; i < n; ++i) detail::round_to(rounded[i], w[i]);
  };
  detail::parallel_for(c, gradient.size(), detail::grain_for(7 * sizeof(acc)), [&](index_t begin, index_t end) {
    detail::simd_dispatch([&] {
      for (index_t i = begin; i < end; i += block)
        update((std::min)(block, end - i), gradient.data_handle() + i, a.m.data_handle() + i, a.v.data_handle() + i,
               a.param.data_handle() + i, a.rounded.has_data() ? a.rounded.data_handle() + i : nullptr);
    });
  });
}

}  // namespace scale::cpu
