// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference mean of row groups, sums in stat_t<T>.

#include <scale/ops/group_mean.hpp>
#include <scale/ref/context.hpp>

namespace scale::ref {

template <floating T>
void group_mean_forward(context const&, tensor_view<T const, 2, context> x,
                        group_mean_forward_args<T, context> const& a) {
  using stat = stat_t<T>;
  for (index_t r = 0; r < a.y.extent(0); ++r)
    for (index_t j = 0; j < a.y.extent(1); ++j) {
      stat sum = 0;
      for (index_t g = 0; g < a.group; ++g) sum += stat(x(r * a.group + g, j));
      a.y(r, j) = T(sum / stat(a.group));
    }
}

template <floating T>
void group_mean_backward(context const&, tensor_view<T const, 2, context> dy,
                         group_mean_backward_args<T, context> const& a) {
  using stat = stat_t<T>;
  for (index_t s = 0; s < a.dx.extent(0); ++s)
    for (index_t j = 0; j < a.dx.extent(1); ++j) a.dx(s, j) = T(stat(dy(s / a.group, j)) / stat(a.group));
}

}  // namespace scale::ref
