// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference batch normalisation, sums in stat_t<T>.

#include <scale/ops/batch_norm.hpp>
#include <scale/ref/context.hpp>

#include <cmath>

namespace scale::ref {

template <floating T>
void batch_norm_forward(context const&, tensor_view<T const, 3, context> x,
                        batch_norm_forward_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const n = x.extent(0), s = x.extent(2), values = n * s;
  for (index_t c = 0; c < x.extent(1); ++c) {
    stat mean = 0, variance = 0;
    if (a.mode == batch_norm_mode::inference) {
      mean = a.running_mean(c);
      variance = a.running_var(c);
    } else if (values != 0) {
      for (index_t i = 0; i < n; ++i)
        for (index_t k = 0; k < s; ++k) mean += stat(x(i, c, k));
      mean /= stat(values);
      for (index_t i = 0; i < n; ++i)
        for (index_t k = 0; k < s; ++k) variance += (stat(x(i, c, k)) - mean) * (stat(x(i, c, k)) - mean);
      stat const momentum = stat(a.momentum);
      if (a.running_mean.has_data()) a.running_mean(c) = (1 - momentum) * a.running_mean(c) + momentum * mean;
      if (a.running_var.has_data())
        a.running_var(c) = (1 - momentum) * a.running_var(c) + momentum * (variance / stat(values - 1));
      variance /= stat(values);
    }
    stat const rstd = 1 / std::sqrt(variance + stat(a.eps));
    stat const gamma = a.gamma.has_data() ? stat(a.gamma(c)) : stat(1);
    stat const beta = a.beta.has_data() ? stat(a.beta(c)) : stat(0);
    for (index_t i = 0; i < n; ++i)
      for (index_t k = 0; k < s; ++k) a.y(i, c, k) = T((stat(x(i, c, k)) - mean) * rstd * gamma + beta);
    a.mean(c) = mean;
    a.rstd(c) = rstd;
  }
}

template <floating T>
void batch_norm_backward(context const&, tensor_view<T const, 3, context> x,
                         batch_norm_backward_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const n = x.extent(0), s = x.extent(2);
  for (index_t c = 0; c < x.extent(1); ++c) {
    stat const mean = a.mean(c), rstd = a.rstd(c);
    stat sum = 0, dot = 0;  // of dy and of dy * xhat
    for (index_t i = 0; i < n; ++i)
      for (index_t k = 0; k < s; ++k) {
        sum += stat(a.dy(i, c, k));
        dot += stat(a.dy(i, c, k)) * ((stat(x(i, c, k)) - mean) * rstd);
      }
    if (a.dgamma.has_data()) a.dgamma(c) += dot;
    if (a.dbeta.has_data()) a.dbeta(c) += sum;
    if (!a.dx.has_data()) continue;
    stat const factor = rstd * (a.gamma.has_data() ? stat(a.gamma(c)) : stat(1));
    bool const training = a.mode == batch_norm_mode::training;
    stat const mean_sum = training ? sum / stat(n * s) : stat(0), mean_dot = training ? dot / stat(n * s) : stat(0);
    for (index_t i = 0; i < n; ++i)
      for (index_t k = 0; k < s; ++k) {
        stat const xhat = (stat(x(i, c, k)) - mean) * rstd;
        a.dx(i, c, k) = T(factor * (stat(a.dy(i, c, k)) - mean_sum - xhat * mean_dot));
      }
  }
}

}  // namespace scale::ref
