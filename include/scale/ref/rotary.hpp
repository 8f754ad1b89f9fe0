// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference rotary positions.

#include <scale/ops/rotary.hpp>
#include <scale/ref/context.hpp>

namespace scale::ref {

template <floating T>
void rotary(context const&, tensor_view<T const, 2, context> x, rotary_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const width = a.cosine.extent(1);
  for (index_t i = 0; i < x.extent(0); ++i)
    for (index_t k = 0; k < x.extent(1); k += 2) {
      index_t const d = k % width;
      stat const first = stat(x(i, k)), second = stat(x(i, k + 1));
      a.y(i, k) = T(first * stat(a.cosine(i, d)) - second * stat(a.sine(i, d)));
      a.y(i, k + 1) = T(second * stat(a.cosine(i, d + 1)) + first * stat(a.sine(i, d + 1)));
    }
}

}  // namespace scale::ref
