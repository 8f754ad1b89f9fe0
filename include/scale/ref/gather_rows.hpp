// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference gathering of rows.

#include <scale/ops/gather_rows.hpp>
#include <scale/ref/context.hpp>

namespace scale::ref {

template <floating T>
void gather_rows_forward(context const&, tensor_view<T const, 2, context> x,
                         gather_rows_forward_args<T, context> const& a) {
  for (index_t r = 0; r < a.y.extent(0); ++r)
    for (index_t j = 0; j < a.y.extent(1); ++j) a.y(r, j) = x(a.index(r), j);
}

template <floating T>
void gather_rows_backward(context const&, tensor_view<T const, 2, context> dy,
                          gather_rows_backward_args<T, context> const& a) {
  using stat = stat_t<T>;
  for (index_t r = 0; r < dy.extent(0); ++r)
    for (index_t j = 0; j < dy.extent(1); ++j) a.dx(a.index(r), j) = T(stat(a.dx(a.index(r), j)) + stat(dy(r, j)));
}

}  // namespace scale::ref
