// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels that pick rows by number and add them back.

#include <scale/cuda/detail/elementwise.cuh>
#include <scale/cuda/gather_rows.hpp>

namespace scale::cuda::detail {

struct gather_rows_tuning {
  static constexpr int block = 128;
};

template <class T>
struct gather_rows_map {
  matrix<T const> x;
  matrix<T> y;
  std::int32_t const* index;

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    store<Width>(y.row(i) + j, load<Width>(x.row(index[i]) + j));
  }
};

/// A block per row of dy. The first row of those with the same index adds all of them, in ascending order.
template <class T>
SCALE_KERNEL gather_rows_backward_kernel(matrix<T const> dy, index_t m, index_t c, std::int32_t const* index,
                                         matrix<T> dx) {
  index_t const row = blockIdx.x;
  int const thread = static_cast<int>(threadIdx.x);
  std::int32_t const target = index[row];
  int* const shared = shared_memory<int>();  // [block]: whether row base + thread has this index
  T* const to = dx.row(target);
  for (index_t base = 0; base < m; base += gather_rows_tuning::block) {
    index_t const mine = base + thread;
    shared[thread] = mine < m && index[mine] == target;
    __syncthreads();
    for (int k = 0; k < gather_rows_tuning::block; ++k) {
      if (shared[k] == 0) continue;
      if (base + k < row) return;  // that row adds this one
      T const* const from = dy.row(base + k);
      for (index_t j = thread; j < c; j += gather_rows_tuning::block)
        to[j] = T(static_cast<float>(to[j]) + static_cast<float>(from[j]));
    }
    __syncthreads();
  }
}

template <class T>
void launch_gather_rows_forward(context const& c, tensor_view<T const, 2, context> x,
                                gather_rows_forward_args<T, context> const& a) {
  gather_rows_map<T> const map{x, a.y, a.index.data_handle()};
  launch_elementwise<T>(c, "gather_rows_forward", a.y.extent(0), x.extent(1), map, map.x, map.y);
}

template <class T>
void launch_gather_rows_backward(context const& c, tensor_view<T const, 2, context> dy,
                                 gather_rows_backward_args<T, context> const& a) {
  launch(c, "gather_rows_backward", gather_rows_backward_kernel<T>, blocks(dy.extent(0)), gather_rows_tuning::block,
         gather_rows_tuning::block * sizeof(int), dy, dy.extent(0), dy.extent(1), a.index.data_handle(), a.dx);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_GATHER_ROWS(T)                                            \
  template void scale::cuda::detail::launch_gather_rows_forward<T>(                      \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::gather_rows_forward_args<T, scale::cuda::context> const&);                  \
  template void scale::cuda::detail::launch_gather_rows_backward<T>(                     \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::gather_rows_backward_args<T, scale::cuda::context> const&);
