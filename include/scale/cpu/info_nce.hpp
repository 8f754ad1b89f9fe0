// SPDX-License-Identifier: Apache-2.0
#pragma once
// One-sided InfoNCE on the CPU, tile by tile.

#include <scale/cpu/detail/contrast.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/info_nce.hpp>

#include <cstdint>

namespace scale::cpu {

template <cpu_float T>
void info_nce_forward(context const& c, tensor_view<T const, 2, context> q,
                      info_nce_forward_args<T, context> const& a) {
  std::int32_t const* const target = a.target.data_handle();
  detail::contrast_result const found = detail::contrast_forward(
      c, "info_nce_forward", detail::matrix_of(q), detail::matrix_of(a.keys),
      [target](index_t i) { return index_t{target[i]}; }, a.temperature, a.lse.data_handle());
  a.loss(0) = q.extent(0) == 0 ? T(0) : static_cast<T>(found.loss_sum / static_cast<double>(q.extent(0)));
  a.correct(0) = static_cast<std::int32_t>(found.correct);
}

template <cpu_float T>
void info_nce_backward(context const& c, tensor_view<T const, 2, context> q,
                       info_nce_backward_args<T, context> const& a) {
  if (q.extent(0) == 0) return;
  std::int32_t const* const target = a.target.data_handle();
  T const* const lse = a.lse.data_handle();
  T const inverse = static_cast<T>(1 / a.temperature);
  T const factor = static_cast<T>(a.scale / (a.temperature * static_cast<double>(q.extent(0))));
  auto const turn = [=](index_t i, index_t first, index_t n, T* scores) {
    T const shift = lse[i];
#pragma omp simd
    for (index_t j = 0; j < n; ++j) scores[j] = factor * detail::exp(scores[j] * inverse - shift);
    if (target[i] >= first && target[i] < first + n) scores[target[i] - first] -= factor;
  };
  detail::contrast_backward(c, "info_nce_backward", detail::matrix_of(q), detail::matrix_of(a.keys), turn,
                            detail::matrix_of(a.dq), detail::matrix_of(a.dkeys), write_mode::accumulate);
}

}  // namespace scale::cpu
