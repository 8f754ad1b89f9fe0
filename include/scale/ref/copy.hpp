// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference copy and sum of matrices.

#include <scale/ops/copy.hpp>
#include <scale/ref/context.hpp>

namespace scale::ref {

template <element T>
void copy(context const&, tensor_view<T const, 2, context> x, copy_args<T, context> const& a) {
  for (index_t i = 0; i < x.extent(0); ++i)
    for (index_t j = 0; j < x.extent(1); ++j) {
      if constexpr (floating<T>) {
        if (a.mode == write_mode::accumulate) {
          a.y(i, j) = T(stat_t<T>(a.y(i, j)) + stat_t<T>(x(i, j)));
          continue;
        }
      }
      a.y(i, j) = x(i, j);
    }
}

}  // namespace scale::ref
