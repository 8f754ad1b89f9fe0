// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference max pooling.

#include <scale/ops/max_pool.hpp>
#include <scale/ref/context.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace scale::ref {

template <floating T>
void max_pool_forward(context const&, tensor_view<T const, 5, context> x, max_pool_forward_args<T, context> const& a) {
  using stat = stat_t<T>;
  for (index_t n = 0; n < a.y.extent(0); ++n)
    for (index_t c = 0; c < a.y.extent(1); ++c)
      for (index_t t = 0; t < a.y.extent(2); ++t)
        for (index_t h = 0; h < a.y.extent(3); ++h)
          for (index_t w = 0; w < a.y.extent(4); ++w) {
            index_t const out[3] = {t, h, w};
            index_t begin[3], end[3];
            for (int i = 0; i < 3; ++i) {
              index_t const origin = out[i] * a.stride[i] - a.pad[i];
              begin[i] = (std::max)(index_t{0}, origin);
              end[i] = (std::min)(x.extent(i + 2), origin + a.kernel[i]);
            }
            stat best = stat(x(n, c, begin[0], begin[1], begin[2]));
            index_t where = (begin[0] * x.extent(3) + begin[1]) * x.extent(4) + begin[2];
            for (index_t it = begin[0]; it < end[0]; ++it)
              for (index_t ih = begin[1]; ih < end[1]; ++ih)
                for (index_t iw = begin[2]; iw < end[2]; ++iw) {
                  stat const value = stat(x(n, c, it, ih, iw));
                  if (value > best || (std::isnan(value) && !std::isnan(best))) {
                    best = value;
                    where = (it * x.extent(3) + ih) * x.extent(4) + iw;
                  }
                }
            a.y(n, c, t, h, w) = T(best);
            if (a.argmax.has_data()) a.argmax(n, c, t, h, w) = static_cast<std::int32_t>(where);
          }
}

template <floating T>
void max_pool_backward(context const&, tensor_view<T const, 5, context> dy,
                       max_pool_backward_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const rows = a.dx.extent(3), columns = a.dx.extent(4), places = a.dx.extent(2) * rows * columns;
  std::vector<stat> sums(static_cast<std::size_t>(places));
  for (index_t n = 0; n < dy.extent(0); ++n)
    for (index_t c = 0; c < dy.extent(1); ++c) {
      std::fill(sums.begin(), sums.end(), stat(0));
      for (index_t t = 0; t < dy.extent(2); ++t)
        for (index_t h = 0; h < dy.extent(3); ++h)
          for (index_t w = 0; w < dy.extent(4); ++w)
            sums[static_cast<std::size_t>(a.argmax(n, c, t, h, w))] += stat(dy(n, c, t, h, w));
      for (index_t place = 0; place < places; ++place)
        a.dx(n, c, place / (rows * columns), place / columns % rows, place % columns) =
            T(sums[static_cast<std::size_t>(place)]);
    }
}

}  // namespace scale::ref
