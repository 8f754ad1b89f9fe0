// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernel of the pooling of frames: a thread per pack of neighbouring columns, over the frames in order.

#include <scale/cuda/detail/elementwise.cuh>
#include <scale/cuda/frame_pool.hpp>

namespace scale::cuda::detail {

template <class T>
struct frame_pool_map {
  matrix<T const> x;
  matrix<T> y;
  index_t frames, columns;
  frame_pooling how;

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    lanes<Width> sum = load<Width>(x.row(i * frames) + j), before = sum, change{};
    for (index_t f = 1; f < frames; ++f) {
      lanes<Width> const v = load<Width>(x.row(i * frames + f) + j);
      for (int k = 0; k < Width; ++k) {
        sum[k] += v[k];
        change[k] += fabsf(v[k] - before[k]);
      }
      before = v;
    }
    for (int k = 0; k < Width; ++k) {
      sum[k] /= static_cast<float>(frames);
      if (frames > 1) change[k] /= static_cast<float>(frames - 1);
    }
    store<Width>(y.row(i) + j, sum);
    if (how == frame_pooling::mean_and_motion) store<Width>(y.row(i) + columns + j, change);
  }
};

template <class T>
void launch_frame_pool(context const& c, tensor_view<T const, 2, context> x, frame_pool_args<T, context> const& a) {
  frame_pool_map<T> const map{x, a.y, a.frames, x.extent(1), a.how};
  launch_elementwise<T>(c, "frame_pool", a.y.extent(0), x.extent(1), map, map.x, map.y);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_FRAME_POOL(T)                                                                    \
  template void scale::cuda::detail::launch_frame_pool<T>(scale::cuda::context const&,                          \
                                                          scale::tensor_view<T const, 2, scale::cuda::context>, \
                                                          scale::frame_pool_args<T, scale::cuda::context> const&);
