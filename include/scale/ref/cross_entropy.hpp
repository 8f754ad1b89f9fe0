// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference cross-entropy, sums in stat_t<T>.

#include <scale/ops/cross_entropy.hpp>
#include <scale/ref/context.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace scale::ref {

template <floating T>
void cross_entropy_forward(context const&, tensor_view<T const, 2, context> logits,
                           cross_entropy_forward_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const n = logits.extent(0), classes = logits.extent(1);
  stat loss = 0;
  for (index_t i = 0; i < n; ++i) {
    stat largest = -std::numeric_limits<stat>::infinity();
    for (index_t j = 0; j < classes; ++j) largest = (std::max)(largest, stat(logits(i, j)));
    stat sum = 0;
    for (index_t j = 0; j < classes; ++j) sum += std::exp(stat(logits(i, j)) - largest);
    a.lse(i) = largest + std::log(sum);
    loss += (largest - stat(logits(i, a.labels(i)))) + std::log(sum);  // not from lse: both may be large
  }
  a.loss(0) = n == 0 ? stat(0) : loss / stat(n);
}

template <floating T>
void cross_entropy_backward(context const&, tensor_view<T const, 2, context> logits,
                            cross_entropy_backward_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const n = logits.extent(0);
  for (index_t i = 0; i < n; ++i)
    for (index_t j = 0; j < logits.extent(1); ++j) {
      stat const p = std::exp(stat(logits(i, j)) - a.lse(i));
      a.dlogits(i, j) = T(stat(a.scale / static_cast<double>(n)) * (p - stat(a.labels(i) == j ? 1 : 0)));
    }
}

}  // namespace scale::ref
