// SPDX-License-Identifier: Apache-2.0
#pragma once
// One-sided InfoNCE on the CPU, tile by tile.

#include <scale/cpu/detail/contrast.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/info_nce.hpp>

#include <cstdint>

namespace scale::cpu {

template <cpu_element T>
void info_nce_forward(context const& c, tensor_view<T const, 2, context> q,
                      info_nce_forward_args<T, context> const& a) {
  std::int32_t const* const target = a.target.data_handle();
  detail::contrast_result const found = detail::contrast_forward(
      c, "info_nce_forward", detail::matrix_of(q), detail::matrix_of(a.keys),
      [target](index_t i) { return index_t{target[i]}; }, a.temperature, a.lse.data_handle());
  a.loss(0) = q.extent(0) == 0 ? 0.0f : static_cast<float>(found.loss_sum / static_cast<double>(q.extent(0)));
  a.correct(0) = static_cast<std::int32_t>(found.correct);
}

template <cpu_element T>
void info_nce_backward(context const& c, tensor_view<T const, 2, context> q,
                       info_nce_backward_args<T, context> const& a) {
  if (q.extent(0) == 0) return;
  std::int32_t const* const target = a.target.data_handle();
  float const* const lse = a.lse.data_handle();
  float const inverse = static_cast<float>(1 / a.temperature);
  float const factor = static_cast<float>(a.scale / (a.temperature * static_cast<double>(q.extent(0))));
  auto const turn = [=](index_t i, index_t first, index_t n, float* scores) {
    float const shift = lse[i];
#pragma omp simd
    for (index_t j = 0; j < n; ++j) scores[j] = factor * detail::exp(scores[j] * inverse - shift);
    if (target[i] >= first && target[i] < first + n) scores[target[i] - first] -= factor;
  };
  detail::float_sums<T> dq(a.dq), dkeys(a.dkeys);
  detail::contrast_backward(c, "info_nce_backward", detail::matrix_of(q), detail::matrix_of(a.keys), turn, dq.sums(),
                            dkeys.sums(), dkeys.mode(write_mode::accumulate));
  dq.finish(c, write_mode::assign);
  dkeys.finish(c, write_mode::accumulate);
}

}  // namespace scale::cpu
