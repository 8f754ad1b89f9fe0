// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernel that picks clips of a feature store.

#include <scale/cuda/detail/elementwise.cuh>
#include <scale/cuda/gather_clips.hpp>

namespace scale::cuda::detail {

template <class S, class T>
struct gather_clips_map {
  S const* features;
  index_t clips, columns, clips_per_row;
  std::int32_t const *video, *clip;
  float const *mean, *inverse_scale;  // nullptr: not given
  matrix<T> y;

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    index_t const v = video[i / clips_per_row];
    S const* const from = features + (v * clips + clip[i]) * columns + j;
    lanes<Width> out;
    for (int k = 0; k < Width; ++k) {
      out[k] = static_cast<float>(from[k]);
      if (mean != nullptr) out[k] -= mean[v * columns + j + k];
      if (inverse_scale != nullptr) out[k] *= inverse_scale[j + k];
    }
    detail::store<Width>(y.row(i) + j, out);
  }
};

template <class S, class T>
void launch_gather_clips(context const& c, tensor_view<S const, 3, context> store, tensor_view<T, 2, context> y,
                         gather_clips_args<T, context> const& a) {
  gather_clips_map<S, T> const map{store.data_handle(),
                                   store.extent(1),
                                   store.extent(2),
                                   a.clip.extent(1),
                                   a.video.data_handle(),
                                   a.clip.data_handle(),
                                   a.mean.data_handle(),
                                   a.inverse_scale.data_handle(),
                                   y};
  launch_elementwise<T>(c, "gather_clips", y.extent(0), y.extent(1), map, map.y);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_GATHER_CLIPS_FROM(S, T)                                   \
  template void scale::cuda::detail::launch_gather_clips<S, T>(                          \
      scale::cuda::context const&, scale::tensor_view<S const, 3, scale::cuda::context>, \
      scale::tensor_view<T, 2, scale::cuda::context>, scale::gather_clips_args<T, scale::cuda::context> const&);
#define SCALE_CUDA_INSTANTIATE_GATHER_CLIPS(T)            \
  SCALE_CUDA_INSTANTIATE_GATHER_CLIPS_FROM(scale::f16, T) \
  SCALE_CUDA_INSTANTIATE_GATHER_CLIPS_FROM(float, T)      \
  SCALE_CUDA_INSTANTIATE_GATHER_CLIPS_FROM(double, T)
