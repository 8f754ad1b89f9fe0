// SPDX-License-Identifier: Apache-2.0
#pragma once
// A warp per row: who works on which row, and how far apart its columns are.

#include <scale/cuda/detail/matrix.cuh>

namespace scale::cuda::detail {

struct row_tuning {
  static constexpr int block = 256;  // threads
  static constexpr int rows = block / warp_size;
};

/// The row of the calling thread's warp; may lie beyond the last one.
__device__ inline index_t warp_row() {
  return static_cast<index_t>(blockIdx.x) * row_tuning::rows + static_cast<index_t>(threadIdx.x) / warp_size;
}

__device__ inline int lane_number() { return static_cast<int>(threadIdx.x) % warp_size; }

/// f(column, values) for the packs of a row that belong to this lane, in ascending order.
template <int Width, class T, class F>
__device__ void for_row(T const* row, index_t columns, F const& f) {
  for (index_t j = lane_number() * Width; j < columns; j += index_t{warp_size} * Width) f(j, load<Width>(row + j));
}

/// Sum of the products of two rows, in every lane.
template <int Width, class T>
__device__ float row_dot(T const* a, T const* b, index_t columns) {
  float dot = 0;
  for_row<Width>(a, columns, [&](index_t j, lanes<Width> const& v) {
    lanes<Width> const w = load<Width>(b + j);
    for (int k = 0; k < Width; ++k) dot += v[k] * w[k];
  });
  return warp_sum(dot);
}

/// Launches a kernel with a warp per row.
template <class... Parameters>
void launch_rows(context const& c, char const* op, index_t rows, void (*kernel)(Parameters...),
                 std::type_identity_t<Parameters> const&... arguments) {
  launch(c, op, kernel, blocks(ceil_div(rows, row_tuning::rows)), row_tuning::block, 0, arguments...);
}

}  // namespace scale::cuda::detail
