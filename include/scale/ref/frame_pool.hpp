// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference pooling of frames, sums in stat_t<T>.

#include <scale/ops/frame_pool.hpp>
#include <scale/ref/context.hpp>

#include <cmath>

namespace scale::ref {

template <floating T>
void frame_pool(context const&, tensor_view<T const, 2, context> x, frame_pool_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const n = a.y.extent(0), c = x.extent(1), t = a.frames;
  for (index_t i = 0; i < n; ++i)
    for (index_t j = 0; j < c; ++j) {
      stat sum = 0, change = 0;
      for (index_t f = 0; f < t; ++f) sum += stat(x(i * t + f, j));
      for (index_t f = 1; f < t; ++f) change += std::abs(stat(x(i * t + f, j)) - stat(x(i * t + f - 1, j)));
      a.y(i, j) = T(sum / stat(t));
      if (a.how == frame_pooling::mean_and_motion) a.y(i, c + j) = T(t > 1 ? change / stat(t - 1) : stat(0));
    }
}

}  // namespace scale::ref
