// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels of mean pooling. Tensors of any strides: a warp per channel where places are neighbours, a thread per channel
// where channels are.

#include <scale/cuda/detail/rows.cuh>
#include <scale/cuda/detail/volume.cuh>
#include <scale/cuda/mean_pool.hpp>

namespace scale::cuda::detail {

template <class T>
SCALE_KERNEL mean_pool_by_warp_kernel(volume<T const> x, matrix<T> y) {
  index_t const row = warp_row();
  if (row >= x.extents[0] * x.extents[1]) return;  // the whole warp
  index_t const n = row / x.extents[1], c = row % x.extents[1];
  T const* const from = x.channel(n, c);
  float sum = 0;
  for (index_t k = lane_number(); k < x.places(); k += warp_size) sum += static_cast<float>(from[x.offset(k)]);
  sum = warp_sum(sum);
  if (lane_number() == 0) y.row(n)[c] = T(sum / static_cast<float>(x.places()));
}

template <class T>
SCALE_KERNEL mean_pool_by_thread_kernel(volume<T const> x, matrix<T> y) {
  index_t const i = static_cast<index_t>(blockIdx.x) * row_tuning::block + threadIdx.x;
  if (i >= x.extents[0] * x.extents[1]) return;
  index_t const n = i / x.extents[1], c = i % x.extents[1];
  T const* const from = x.channel(n, c);
  float sum = 0;
  for (index_t k = 0; k < x.places(); ++k) sum += static_cast<float>(from[x.offset(k)]);
  y.row(n)[c] = T(sum / static_cast<float>(x.places()));
}

template <class T>
SCALE_KERNEL mean_pool_backward_kernel(matrix<T const> dy, volume<T> dx) {
  index_t const row = warp_row();
  if (row >= dx.extents[0] * dx.extents[1]) return;
  index_t const n = row / dx.extents[1], c = row % dx.extents[1];
  T* const to = dx.channel(n, c);
  T const value = T(static_cast<float>(dy.row(n)[c]) / static_cast<float>(dx.places()));
  for (index_t k = lane_number(); k < dx.places(); k += warp_size) to[dx.offset(k)] = value;
}

template <class T>
void launch_mean_pool_forward(context const& c, tensor_view<T const, 5, context> x,
                              mean_pool_forward_args<T, context> const& a) {
  constexpr auto op = "mean_pool_forward";
  index_t const channels = x.extent(0) * x.extent(1);
  volume<T const> const from(x);
  if (x.stride(1) == 1)
    launch(c, op, mean_pool_by_thread_kernel<T>, blocks(ceil_div(channels, row_tuning::block)), row_tuning::block, 0,
           from, a.y);
  else
    launch_rows(c, op, channels, mean_pool_by_warp_kernel<T>, from, a.y);
}

template <class T>
void launch_mean_pool_backward(context const& c, tensor_view<T const, 2, context> dy,
                               mean_pool_backward_args<T, context> const& a) {
  launch_rows(c, "mean_pool_backward", dy.extent(0) * dy.extent(1), mean_pool_backward_kernel<T>, dy, volume<T>(a.dx));
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_MEAN_POOL(T)                                              \
  template void scale::cuda::detail::launch_mean_pool_forward<T>(                        \
      scale::cuda::context const&, scale::tensor_view<T const, 5, scale::cuda::context>, \
      scale::mean_pool_forward_args<T, scale::cuda::context> const&);                    \
  template void scale::cuda::detail::launch_mean_pool_backward<T>(                       \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::mean_pool_backward_args<T, scale::cuda::context> const&);
