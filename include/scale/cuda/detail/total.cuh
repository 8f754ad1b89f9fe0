// SPDX-License-Identifier: Apache-2.0
#pragma once
// The sum of one loss per row, and how many rows hit, by a single block in a fixed order.

#include <scale/cuda/detail/kernel.cuh>

#include <cstdint>

namespace scale::cuda::detail {

struct total_tuning {
  static constexpr int block = 512;
};

/// total = factor * sum of values [n], and 0 where n = 0.
template <class T>
SCALE_KERNEL total_kernel(T const* values, index_t n, T factor, T* total) {
  T sum = 0;
  for (index_t i = threadIdx.x; i < n; i += total_tuning::block) sum += values[i];
  sum = block_sum(sum, shared_memory<T>());
  if (threadIdx.x == 0) *total = n == 0 ? T(0) : sum * factor;
}

template <class T>
void launch_total(context const& c, char const* op, T const* values, index_t n, T factor, T* total) {
  launch(c, op, total_kernel<T>, dim3(1), total_tuning::block, total_tuning::block / warp_size * sizeof(T), values, n,
         factor, total);
}

/// loss = mean of values [n], and 0 where n = 0.
inline void launch_mean(context const& c, char const* op, float const* values, index_t n, float* loss) {
  launch_total(c, op, values, n, static_cast<float>(n == 0 ? 0 : 1 / static_cast<double>(n)), loss);
}

/// count = sum of hits [n].
inline void launch_count(context const& c, char const* op, std::int32_t const* hits, index_t n, std::int32_t* count) {
  launch_total(c, op, hits, n, std::int32_t{1}, count);
}

}  // namespace scale::cuda::detail
