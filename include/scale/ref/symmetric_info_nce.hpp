// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference symmetric InfoNCE: scores one at a time, sums in stat_t<T>.

#include <scale/ops/symmetric_info_nce.hpp>
#include <scale/ref/info_nce.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace scale::ref {

template <floating T>
void symmetric_info_nce_forward(context const&, tensor_view<T const, 2, context> x,
                                symmetric_info_nce_forward_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const n = x.extent(0);
  stat loss = 0;
  std::int32_t correct_rows = 0, correct_columns = 0;
  for (index_t i = 0; i < n; ++i) {
    detail::query_result<T> const row = detail::look_up(x, i, a.other, i, a.temperature);
    detail::query_result<T> const column = detail::look_up(a.other, i, x, i, a.temperature);
    a.lse_rows(i) = row.lse;
    a.lse_columns(i) = column.lse;
    loss += row.loss + column.loss;
    correct_rows += row.correct ? 1 : 0;
    correct_columns += column.correct ? 1 : 0;
  }
  a.loss(0) = n == 0 ? stat(0) : loss / stat(2 * n);
  a.correct(0) = correct_rows;
  a.correct(1) = correct_columns;
}

template <floating T>
void symmetric_info_nce_backward(context const&, tensor_view<T const, 2, context> x,
                                 symmetric_info_nce_backward_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const n = x.extent(0), c = x.extent(1);
  if (n == 0) return;
  stat const factor = stat(a.scale / (2 * a.temperature * static_cast<double>(n)));
  auto const slope = [&](index_t i, index_t j) {  // of the loss times 2 n, by score (i, j)
    stat const s = detail::score(x, i, a.other, j, a.temperature);
    return std::exp(s - a.lse_rows(i)) + std::exp(s - a.lse_columns(j)) - stat(i == j ? 2 : 0);
  };
  std::vector<stat> da(static_cast<std::size_t>(c)), dother(da);
  for (index_t i = 0; i < n; ++i) {
    std::fill(da.begin(), da.end(), stat(0));
    std::fill(dother.begin(), dother.end(), stat(0));
    for (index_t j = 0; j < n; ++j) {
      stat const row_slope = slope(i, j), column_slope = slope(j, i);
      for (index_t k = 0; k < c; ++k) {
        da[static_cast<std::size_t>(k)] += row_slope * stat(a.other(j, k));
        dother[static_cast<std::size_t>(k)] += column_slope * stat(x(j, k));
      }
    }
    for (index_t k = 0; k < c; ++k) {
      a.da(i, k) = T(factor * da[static_cast<std::size_t>(k)]);
      a.dother(i, k) = T(factor * dother[static_cast<std::size_t>(k)]);
    }
  }
}

}  // namespace scale::ref
