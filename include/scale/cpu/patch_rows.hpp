// SPDX-License-Identifier: Apache-2.0
#pragma once
// Cutting of patches on the CPU: runs of a patch's width are copied, patches over the threads.

#include <scale/cpu/detail/parallel.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/patch_rows.hpp>

#include <algorithm>

namespace scale::cpu {

template <cpu_element T>
void patch_rows(context const& c, tensor_view<T const, 5, context> clips, patch_rows_args<T, context> const& a) {
  index_t const channels = clips.extent(1), t = clips.extent(2), h = clips.extent(3), w = clips.extent(4);
  index_t const deep = t / a.frames, down = h / a.size, across = w / a.size;
  index_t const grain = detail::grain_for(2 * a.y.extent(1) * index_t{sizeof(T)});
  detail::parallel_for(c, a.y.extent(0), grain, [&](index_t begin, index_t end) {
    for (index_t row = begin; row < end; ++row) {
      index_t const x = row % across * a.size, y = row / across % down * a.size;
      index_t const frame = row / (across * down) % deep * a.frames, clip = row / (across * down * deep);
      T* to = a.y.data_handle() + row * a.y.stride(0);
      for (index_t channel = 0; channel < channels; ++channel)
        for (index_t f = 0; f < a.frames; ++f) {
          T const* from = clips.data_handle() + (((clip * channels + channel) * t + frame + f) * h + y) * w + x;
          for (index_t line = 0; line < a.size; ++line, from += w) to = std::copy_n(from, a.size, to);
        }
    }
  });
}

}  // namespace scale::cpu
