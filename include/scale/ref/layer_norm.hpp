// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference layer normalisation, sums in stat_t<T>.

#include <scale/ops/layer_norm.hpp>
#include <scale/ref/context.hpp>

#include <cmath>

namespace scale::ref {

template <floating T>
void layer_norm_forward(context const&, tensor_view<T const, 2, context> x,
                        layer_norm_forward_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const n = x.extent(0), c = x.extent(1);
  for (index_t i = 0; i < n; ++i) {
    stat mean = 0;
    for (index_t j = 0; j < c; ++j) mean += stat(x(i, j));
    mean /= stat(c);
    stat variance = 0;
    for (index_t j = 0; j < c; ++j) variance += (stat(x(i, j)) - mean) * (stat(x(i, j)) - mean);
    stat const rstd = stat(1) / std::sqrt(variance / stat(c) + stat(a.eps));
    for (index_t j = 0; j < c; ++j) a.y(i, j) = T((stat(x(i, j)) - mean) * rstd * stat(a.gamma(j)) + stat(a.beta(j)));
    a.mean(i) = mean;
    a.rstd(i) = rstd;
  }
}

template <floating T>
void layer_norm_backward(context const&, tensor_view<T const, 2, context> x,
                         layer_norm_backward_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const n = x.extent(0), c = x.extent(1);
  for (index_t i = 0; i < n; ++i) {
    stat const mean = a.mean(i), rstd = a.rstd(i);
    stat sum = 0, dot = 0;  // means over the row of g and g * xhat, g = dy * gamma
    for (index_t j = 0; j < c; ++j) {
      stat const xhat = (stat(x(i, j)) - mean) * rstd;
      stat const g = stat(a.dy(i, j)) * stat(a.gamma(j));
      sum += g;
      dot += g * xhat;
      a.dgamma(j) += stat(a.dy(i, j)) * xhat;
      a.dbeta(j) += stat(a.dy(i, j));
    }
    sum /= stat(c);
    dot /= stat(c);
    for (index_t j = 0; j < c; ++j) {
      stat const xhat = (stat(x(i, j)) - mean) * rstd;
      stat const dx = rstd * (stat(a.dy(i, j)) * stat(a.gamma(j)) - sum - xhat * dot);
      a.dx(i, j) = a.dx_mode == write_mode::accumulate ? T(stat(a.dx(i, j)) + dx) : T(dx);
    }
  }
}

}  // namespace scale::ref
