// SPDX-License-Identifier: Apache-2.0
#pragma once
// Symmetric InfoNCE on the CPU, tile by tile. The forward forms the scores once per direction.

#include <scale/cpu/detail/contrast.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/symmetric_info_nce.hpp>

#include <cstdint>

namespace scale::cpu {

template <cpu_element T>
void symmetric_info_nce_forward(context const& c, tensor_view<T const, 2, context> x,
                                symmetric_info_nce_forward_args<T, context> const& a) {
  constexpr auto op = "symmetric_info_nce_forward";
  auto const own = [](index_t i) { return i; };
  auto const left = detail::matrix_of(x), right = detail::matrix_of(a.other);
  detail::contrast_result const rows =
      detail::contrast_forward(c, op, left, right, own, a.temperature, a.lse_rows.data_handle());
  detail::contrast_result const columns =
      detail::contrast_forward(c, op, right, left, own, a.temperature, a.lse_columns.data_handle());
  double const sum = rows.loss_sum + columns.loss_sum;
  a.loss(0) = x.extent(0) == 0 ? 0.0f : static_cast<float>(sum / (2 * static_cast<double>(x.extent(0))));
  a.correct(0) = static_cast<std::int32_t>(rows.correct);
  a.correct(1) = static_cast<std::int32_t>(columns.correct);
}

template <cpu_element T>
void symmetric_info_nce_backward(context const& c, tensor_view<T const, 2, context> x,
                                 symmetric_info_nce_backward_args<T, context> const& a) {
  if (x.extent(0) == 0) return;
  float const *const lse_rows = a.lse_rows.data_handle(), *const lse_columns = a.lse_columns.data_handle();
  float const inverse = static_cast<float>(1 / a.temperature);
  float const factor = static_cast<float>(a.scale / (2 * a.temperature * static_cast<double>(x.extent(0))));
  auto const turn = [=](index_t i, index_t first, index_t n, float* scores) {
    float const row = lse_rows[i];
    float const* const columns = lse_columns + first;
#pragma omp simd
    for (index_t j = 0; j < n; ++j) {
      float const score = scores[j] * inverse;
      scores[j] = factor * (detail::exp(score - row) + detail::exp(score - columns[j]));
    }
    if (i >= first && i < first + n) scores[i - first] -= 2 * factor;
  };
  detail::float_sums<T> da(a.da), dother(a.dother);
  detail::contrast_backward(c, "symmetric_info_nce_backward", detail::matrix_of(x), detail::matrix_of(a.other), turn,
                            da.sums(), dother.sums(), write_mode::assign);
  da.finish(c, write_mode::assign);
  dother.finish(c, write_mode::assign);
}

}  // namespace scale::cpu
