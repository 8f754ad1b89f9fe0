// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference mean pooling, sums in stat_t<T>.

#include <scale/ops/mean_pool.hpp>
#include <scale/ref/context.hpp>

namespace scale::ref {

template <floating T, int Rank>
void mean_pool_forward(context const&, tensor_view<T const, Rank, context> x,
                       mean_pool_forward_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const frames = Rank == 5 ? x.extent(2) : 1, rows = x.extent(Rank - 2), columns = x.extent(Rank - 1);
  for (index_t n = 0; n < x.extent(0); ++n)
    for (index_t c = 0; c < x.extent(1); ++c) {
      stat sum = 0;
      for (index_t t = 0; t < frames; ++t)
        for (index_t h = 0; h < rows; ++h)
          for (index_t w = 0; w < columns; ++w) {
            if constexpr (Rank == 5)
              sum += stat(x(n, c, t, h, w));
            else
              sum += stat(x(n, c, h, w));
          }
      a.y(n, c) = T(sum / stat(frames * rows * columns));
    }
}

template <floating T>
void mean_pool_backward(context const&, tensor_view<T const, 2, context> dy,
                        mean_pool_backward_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const frames = a.dx.extent(2), rows = a.dx.extent(3), columns = a.dx.extent(4);
  for (index_t n = 0; n < dy.extent(0); ++n)
    for (index_t c = 0; c < dy.extent(1); ++c) {
      T const value = T(stat(dy(n, c)) / stat(frames * rows * columns));
      for (index_t t = 0; t < frames; ++t)
        for (index_t h = 0; h < rows; ++h)
          for (index_t w = 0; w < columns; ++w) a.dx(n, c, t, h, w) = value;
    }
}

}  // namespace scale::ref
