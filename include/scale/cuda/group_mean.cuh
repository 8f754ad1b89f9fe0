// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels of means over groups of rows.

#include <scale/cuda/detail/elementwise.cuh>
#include <scale/cuda/group_mean.hpp>

namespace scale::cuda::detail {

template <class T>
struct group_mean_map {
  matrix<T const> x;
  matrix<T> y;
  index_t group;

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    lanes<Width> sum{};
    for (index_t r = i * group; r < (i + 1) * group; ++r) {
      lanes<Width> const v = load<Width>(x.row(r) + j);
      for (int k = 0; k < Width; ++k) sum[k] += v[k];
    }
    for (int k = 0; k < Width; ++k) sum[k] /= static_cast<float>(group);
    store<Width>(y.row(i) + j, sum);
  }
};

template <class T>
struct group_mean_gradient {
  matrix<T const> dy;
  matrix<T> dx;
  index_t group;

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    lanes<Width> v = load<Width>(dy.row(i / group) + j);
    for (int k = 0; k < Width; ++k) v[k] /= static_cast<float>(group);
    store<Width>(dx.row(i) + j, v);
  }
};

template <class T>
void launch_group_mean_forward(context const& c, tensor_view<T const, 2, context> x,
                               group_mean_forward_args<T, context> const& a) {
  group_mean_map<T> const map{x, a.y, a.group};
  launch_elementwise<T>(c, "group_mean_forward", a.y.extent(0), x.extent(1), map, map.x, map.y);
}

template <class T>
void launch_group_mean_backward(context const& c, tensor_view<T const, 2, context> dy,
                                group_mean_backward_args<T, context> const& a) {
  group_mean_gradient<T> const map{dy, a.dx, a.group};
  launch_elementwise<T>(c, "group_mean_backward", a.dx.extent(0), dy.extent(1), map, map.dy, map.dx);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_GROUP_MEAN(T)                                             \
  template void scale::cuda::detail::launch_group_mean_forward<T>(                       \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::group_mean_forward_args<T, scale::cuda::context> const&);                   \
  template void scale::cuda::detail::launch_group_mean_backward<T>(                      \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::group_mean_backward_args<T, scale::cuda::context> const&);
