// SPDX-License-Identifier: Apache-2.0
#pragma once
// Dot products of 64 rows with 64 others, in the registers of a block: the scores of contrastive losses and of
// searches, which are never stored as a whole. Each is one sum in ascending order of columns, so that a score has the
// same bits wherever it is computed.

#include <scale/cuda/detail/matrix.cuh>

namespace scale::cuda::detail {

struct score_tile {
  static constexpr int side = 64;       // rows and others of a tile
  static constexpr int depth = 16;      // columns in shared memory at once
  static constexpr int per_thread = 4;  // rows, and others, of a thread
  static constexpr int across = side / per_thread;
  static constexpr int block = across * across;
  static constexpr int pitch = side + 4;  // of a column in shared memory
  static constexpr int shared_floats = 2 * depth * pitch;

  float value[per_thread][per_thread];  // of row() + i and other() + j

  __device__ static int row() { return static_cast<int>(threadIdx.x) / across * per_thread; }
  __device__ static int other() { return static_cast<int>(threadIdx.x) % across * per_thread; }

  /// Scores of a's rows from a_begin with b's from b_begin; beyond the last row they are 0. `shared` has shared_floats
  /// places, free when it returns.
  template <class T>
  __device__ void compute(matrix<T const> const& a, index_t a_begin, index_t a_rows, matrix<T const> const& b,
                          index_t b_begin, index_t b_rows, index_t columns, float* shared) {
    float* const a_shared = shared;
    float* const b_shared = shared + depth * pitch;
    int const load_row = static_cast<int>(threadIdx.x) / per_thread;
    int const load_column = static_cast<int>(threadIdx.x) % per_thread * (depth / per_thread);
    bool const has_a = a_begin + load_row < a_rows, has_b = b_begin + load_row < b_rows;
    T const* const a_from = has_a ? a.row(a_begin + load_row) : nullptr;
    T const* const b_from = has_b ? b.row(b_begin + load_row) : nullptr;
    for (int i = 0; i < per_thread; ++i)
      for (int j = 0; j < per_thread; ++j) value[i][j] = 0;
    for (index_t begin = 0; begin < columns; begin += depth) {
      for (int k = load_column; k < load_column + depth / per_thread; ++k) {
        bool const inside = begin + k < columns;
        a_shared[k * pitch + load_row] = inside && has_a ? static_cast<float>(a_from[begin + k]) : 0.0f;
        b_shared[k * pitch + load_row] = inside && has_b ? static_cast<float>(b_from[begin + k]) : 0.0f;
      }
      __syncthreads();
      for (int k = 0; k < depth; ++k) {
        lanes<per_thread> const x = load<per_thread>(a_shared + k * pitch + row());
        lanes<per_thread> const y = load<per_thread>(b_shared + k * pitch + other());
        for (int i = 0; i < per_thread; ++i)
          for (int j = 0; j < per_thread; ++j) value[i][j] += x[i] * y[j];
      }
      __syncthreads();
    }
  }
};

}  // namespace scale::cuda::detail
