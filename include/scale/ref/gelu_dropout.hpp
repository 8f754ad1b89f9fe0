// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference GELU behind dropout.

#include <scale/ops/gelu_dropout.hpp>
#include <scale/ref/context.hpp>
#include <scale/ref/dropout.hpp>
#include <scale/ref/gelu.hpp>

namespace scale::ref {

template <floating T>
void gelu_dropout(context const&, tensor_view<T const, 2, context> x, gelu_dropout_args<T, context> const& a) {
  using stat = stat_t<T>;
  for (index_t i = 0; i < x.extent(0); ++i) {
    index_t const row = a.rows.has_data() ? a.rows(i) : i;
    for (index_t j = 0; j < x.extent(1); ++j) {
      stat const value = x(i, j), factor = detail::dropout_factor<stat>(a.key, a.p, row, x.extent(1), j);
      a.y(i, j) = T(factor == 0 ? stat(0) : factor * detail::gelu(value));
      if (a.slope.has_data()) a.slope(i, j) = T(factor == 0 ? stat(0) : factor * detail::gelu_derivative(value));
    }
  }
}

}  // namespace scale::ref
