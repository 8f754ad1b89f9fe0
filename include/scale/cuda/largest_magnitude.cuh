// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernel of largest magnitude. Without their signs, floats are ordered as their bits are, NaN above all: a maximum of
// whole numbers, which does not depend on the order.

#include <scale/cuda/detail/kernel.cuh>
#include <scale/cuda/largest_magnitude.hpp>

#include <cstdint>

namespace scale::cuda::detail {

struct largest_magnitude_tuning {
  static constexpr int block = 256;
  static constexpr index_t per_thread = 32;
};

__device__ inline std::int32_t larger(std::int32_t a, std::int32_t b) { return a < b ? b : a; }

/// The largest of each tile of words [n], their sign bits left out: one number per block.
SCALE_KERNEL largest_magnitude_kernel(std::int32_t const* words, index_t n, index_t per_thread, std::int32_t* largest) {
  index_t const begin = static_cast<index_t>(blockIdx.x) * largest_magnitude_tuning::block * per_thread +
                        static_cast<index_t>(threadIdx.x);
  std::int32_t most = 0;
  for (index_t k = 0; k < per_thread; ++k) {
    index_t const i = begin + k * largest_magnitude_tuning::block;
    if (i < n) most = larger(most, words[i] & 0x7fffffff);
  }
  for (int distance = warp_size / 2; distance > 0; distance /= 2)
    most = larger(most, __shfl_xor_sync(whole_warp, most, distance));
  std::int32_t* const of_warps = shared_memory<std::int32_t>();
  int const thread = static_cast<int>(threadIdx.x);
  if (thread % warp_size == 0) of_warps[thread / warp_size] = most;
  __syncthreads();
  if (thread != 0) return;
  for (int warp = 1; warp < largest_magnitude_tuning::block / warp_size; ++warp) most = larger(most, of_warps[warp]);
  largest[blockIdx.x] = most;
}

template <class T>
void launch_largest_magnitude(context const& c, tensor_view<T const, 1, context> x,
                              largest_magnitude_args<T, context> const& a) {
  static_assert(sizeof(T) == sizeof(std::int32_t));
  using tuning = largest_magnitude_tuning;
  index_t const n = x.size(), parts = ceil_div(n, tuning::block * tuning::per_thread);
  auto const reduce = [&](std::int32_t const* words, index_t count, index_t per_thread, index_t grid,
                          std::int32_t* to) {
    launch(c, "largest_magnitude", largest_magnitude_kernel, blocks(grid), tuning::block,
           tuning::block / warp_size * sizeof(std::int32_t), words, count, per_thread, to);
  };
  tensor<std::int32_t, 1, context> partial(c, shape{parts});
  reduce(reinterpret_cast<std::int32_t const*>(x.data_handle()), n, tuning::per_thread, parts, partial.data_handle());
  reduce(partial.data_handle(), parts, ceil_div(parts, tuning::block), 1,
         reinterpret_cast<std::int32_t*>(a.y.data_handle()));
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_LARGEST_MAGNITUDE()                                           \
  template void scale::cuda::detail::launch_largest_magnitude<float>(                        \
      scale::cuda::context const&, scale::tensor_view<float const, 1, scale::cuda::context>, \
      scale::largest_magnitude_args<float, scale::cuda::context> const&);
