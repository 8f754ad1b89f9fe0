// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference cutting of patches: pixel by pixel.

#include <scale/ops/patch_rows.hpp>
#include <scale/ref/context.hpp>

namespace scale::ref {

template <floating T>
void patch_rows(context const&, tensor_view<T const, 5, context> clips, patch_rows_args<T, context> const& a) {
  index_t const down = clips.extent(3) / a.size, across = clips.extent(4) / a.size;
  index_t const places = clips.extent(2) / a.frames * down * across;
  for (index_t n = 0; n < clips.extent(0); ++n)
    for (index_t c = 0; c < clips.extent(1); ++c)
      for (index_t t = 0; t < clips.extent(2); ++t)
        for (index_t h = 0; h < clips.extent(3); ++h)
          for (index_t w = 0; w < clips.extent(4); ++w) {
            index_t const row = n * places + (t / a.frames * down + h / a.size) * across + w / a.size;
            index_t const column = ((c * a.frames + t % a.frames) * a.size + h % a.size) * a.size + w % a.size;
            a.y(row, column) = clips(n, c, t, h, w);
          }
}

}  // namespace scale::ref
