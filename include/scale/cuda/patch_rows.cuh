// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernel that cuts clips into patches: a thread per pack of neighbours of a patch's row.

#include <scale/cuda/detail/elementwise.cuh>
#include <scale/cuda/patch_rows.hpp>

namespace scale::cuda::detail {

template <class T>
struct patch_rows_map {
  matrix<T const> lines;  // of the clips, one pixel row each
  index_t channels, t, h, w, frames, size;
  matrix<T> y;

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    index_t const across = w / size, down = h / size, deep = t / frames;
    index_t const frame = i / (across * down) % deep * frames + j / (size * size) % frames;
    index_t const clip = i / (across * down * deep), channel = j / (size * size * frames);
    index_t const row = i / across % down * size + j / size % size, column = i % across * size + j % size;
    store<Width>(y.row(i) + j, load<Width>(lines.row(((clip * channels + channel) * t + frame) * h + row) + column));
  }
};

template <class T>
void launch_patch_rows(context const& c, tensor_view<T const, 5, context> clips, patch_rows_args<T, context> const& a) {
  index_t const w = clips.extent(4), all = clips.extent(0) * clips.extent(1) * clips.extent(2) * clips.extent(3);
  patch_rows_map<T> const map{tensor_view<T const, 2, context>(clips.data_handle(), shape{all, w}),
                              clips.extent(1),
                              clips.extent(2),
                              clips.extent(3),
                              w,
                              a.frames,
                              a.size,
                              a.y};
  matrix<T> runs = map.y;  // the pixels of a row of y that are neighbours in the clip
  runs.stride = a.size;
  launch_elementwise<T>(c, "patch_rows", a.y.extent(0), a.y.extent(1), map, map.lines, map.y, runs);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_PATCH_ROWS(T)                                                                    \
  template void scale::cuda::detail::launch_patch_rows<T>(scale::cuda::context const&,                          \
                                                          scale::tensor_view<T const, 5, scale::cuda::context>, \
                                                          scale::patch_rows_args<T, scale::cuda::context> const&);
