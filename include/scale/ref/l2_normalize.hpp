// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference l2_normalize: sums in stat_t<T>, scaled by the row's largest element so that squares stay in range.

#include <scale/ops/l2_normalize.hpp>
#include <scale/ref/context.hpp>

#include <algorithm>
#include <cmath>

namespace scale::ref {

template <floating T>
void l2_normalize_forward(context const&, tensor_view<T const, 2, context> x,
                          l2_normalize_forward_args<T, context> const& a) {
  using stat = stat_t<T>;
  for (index_t i = 0; i < x.extent(0); ++i) {
    stat largest = 0;
    for (index_t j = 0; j < x.extent(1); ++j) largest = (std::max)(largest, std::abs(stat(x(i, j))));
    stat squares = 0;
    for (index_t j = 0; j < x.extent(1); ++j) {
      stat const part = largest > 0 ? stat(x(i, j)) / largest : stat(x(i, j));  // the latter keeps a NaN
      squares += part * part;
    }
    stat const norm = largest > 0 ? largest * std::sqrt(squares) : squares;
    stat const divisor = (std::max)(norm, stat(a.eps));
    for (index_t j = 0; j < x.extent(1); ++j) a.y(i, j) = T(stat(x(i, j)) / divisor);
    a.norm(i) = norm;
  }
}

template <floating T>
void l2_normalize_backward(context const&, tensor_view<T const, 2, context> y,
                           l2_normalize_backward_args<T, context> const& a) {
  using stat = stat_t<T>;
  stat const eps = stat(a.eps);
  for (index_t i = 0; i < y.extent(0); ++i) {
    stat const norm = a.norm(i);
    stat dot = 0;
    for (index_t j = 0; j < y.extent(1); ++j) dot += stat(y(i, j)) * stat(a.dy(i, j));
    for (index_t j = 0; j < y.extent(1); ++j) {
      stat const dy = stat(a.dy(i, j));
      if (norm == 0)
        a.dx(i, j) = T(stat(0));
      else
        a.dx(i, j) = T(norm < eps ? dy / eps : (dy - stat(y(i, j)) * dot) / norm);
    }
  }
}

}  // namespace scale::ref
