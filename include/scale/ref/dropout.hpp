// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference dropout: one random number per element, asked for by its place.

#include <scale/ops/dropout.hpp>
#include <scale/ref/context.hpp>

#include <cstdint>

namespace scale::ref {

namespace detail {

/// 0 where the element is dropped, else 1 / (1 - p).
template <class Stat>
Stat dropout_factor(random_key key, double p, index_t row, index_t columns, index_t column) {
  if (p == 0) return Stat(1);
  return dropout_keeps(key, static_cast<std::uint64_t>(row * columns + column), p) ? Stat(1 / (1 - p)) : Stat(0);
}

}  // namespace detail

template <floating T>
void dropout_forward(context const&, tensor_view<T const, 2, context> x, dropout_forward_args<T, context> const& a) {
  using stat = stat_t<T>;
  for (index_t i = 0; i < x.extent(0); ++i) {
    index_t const row = a.rows.has_data() ? a.rows(i) : i;
    for (index_t j = 0; j < x.extent(1); ++j) {
      stat const factor = detail::dropout_factor<stat>(a.key, a.p, row, x.extent(1), j);
      stat const kept = factor == 0 ? stat(0) : factor * stat(x(i, j));  // a dropped infinity leaves nothing
      a.y(i, j) = a.residual.has_data() ? T(stat(a.residual(i, j)) + kept) : T(kept);
    }
  }
}

template <floating T>
void dropout_backward(context const&, tensor_view<T const, 2, context> dy, dropout_backward_args<T, context> const& a) {
  using stat = stat_t<T>;
  for (index_t i = 0; i < dy.extent(0); ++i) {
    index_t const row = a.rows.has_data() ? a.rows(i) : i;
    for (index_t j = 0; j < dy.extent(1); ++j) {
      stat const factor = detail::dropout_factor<stat>(a.key, a.p, row, dy.extent(1), j);
      a.dx(i, j) = T(factor == 0 ? stat(0) : factor * stat(dy(i, j)));
    }
  }
}

}  // namespace scale::ref
