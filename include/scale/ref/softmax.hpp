// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference softmax, sums in stat_t<T>.

#include <scale/ops/softmax.hpp>
#include <scale/ref/context.hpp>

#include <algorithm>
#include <cmath>

namespace scale::ref {

template <floating T>
void softmax_forward(context const&, tensor_view<T const, 2, context> x, softmax_forward_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const c = x.extent(1);
  if (c == 0) return;
  for (index_t i = 0; i < x.extent(0); ++i) {
    stat largest = stat(x(i, 0));
    for (index_t j = 1; j < c; ++j) largest = (std::max)(largest, stat(x(i, j)));
    stat sum = 0;
    for (index_t j = 0; j < c; ++j) sum += std::exp(stat(x(i, j)) - largest);
    for (index_t j = 0; j < c; ++j) a.y(i, j) = T(std::exp(stat(x(i, j)) - largest) / sum);
  }
}

template <floating T>
void softmax_backward(context const&, tensor_view<T const, 2, context> y, softmax_backward_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const c = y.extent(1);
  for (index_t i = 0; i < y.extent(0); ++i) {
    stat dot = 0;
    for (index_t j = 0; j < c; ++j) dot += stat(y(i, j)) * stat(a.dy(i, j));
    for (index_t j = 0; j < c; ++j) a.dx(i, j) = T(stat(y(i, j)) * (stat(a.dy(i, j)) - dot));
  }
}

}  // namespace scale::ref
