// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sums over the rows of a matrix, one per column: in parts of rows, then over the parts, both in ascending order, so
// that the result does not depend on how blocks are scheduled.

#include <scale/core/tensor.hpp>
#include <scale/cuda/detail/kernel.cuh>

namespace scale::cuda::detail {

struct column_sums_tuning {
  static constexpr int columns = 32, rows = 8;  // threads of a block
  static constexpr index_t least_rows = 64;     // of a part
  static constexpr index_t most_parts = 256;
};

/// Where the sums go, one array per value of a term; nullptr: nowhere.
template <int Values>
struct column_sums_outputs {
  float* data[static_cast<std::size_t>(Values)];
};

/// parts [parts, Values, columns] = sums of a part's rows; term(i, j, sums) adds the term of row i and column j.
template <int Values, class Term>
SCALE_KERNEL column_sums_parts_kernel(Term term, index_t rows, index_t columns, index_t rows_per_part, float* parts) {
  constexpr int across = column_sums_tuning::columns, down = column_sums_tuning::rows;
  int const x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  index_t const column = static_cast<index_t>(blockIdx.x) * across + x, part = blockIdx.y;
  index_t const begin = part * rows_per_part;
  index_t const end = begin + rows_per_part < rows ? begin + rows_per_part : rows;
  float sums[static_cast<std::size_t>(Values)] = {};
  if (column < columns)
    for (index_t i = begin + y; i < end; i += down) term(i, column, sums);
  float* const shared = shared_memory<float>();  // [Values, down, across]
  for (int v = 0; v < Values; ++v) shared[(v * down + y) * across + x] = sums[v];
  __syncthreads();
  if (y != 0 || column >= columns) return;
  for (int v = 0; v < Values; ++v) {
    float sum = 0;
    for (int k = 0; k < down; ++k) sum += shared[(v * down + k) * across + x];
    parts[(part * Values + v) * columns + column] = sum;
  }
}

/// outputs += sums over the parts.
template <int Values>
SCALE_KERNEL column_sums_total_kernel(float const* parts, index_t count, index_t columns,
                                      column_sums_outputs<Values> outputs) {
  constexpr int across = column_sums_tuning::columns, down = column_sums_tuning::rows;
  int const x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  index_t const column = static_cast<index_t>(blockIdx.x) * across + x;
  float* const shared = shared_memory<float>();  // [Values, down, across]
  for (int v = 0; v < Values; ++v) {
    float sum = 0;
    if (column < columns)
      for (index_t part = y; part < count; part += down) sum += parts[(part * Values + v) * columns + column];
    shared[(v * down + y) * across + x] = sum;
  }
  __syncthreads();
  if (y != 0 || column >= columns) return;
  for (int v = 0; v < Values; ++v) {
    if (outputs.data[v] == nullptr) continue;
    float sum = 0;
    for (int k = 0; k < down; ++k) sum += shared[(v * down + k) * across + x];
    outputs.data[v][column] += sum;
  }
}

/// outputs [columns] += sum over the rows of term, a trivially copyable functor: term(i, j, float* sums) const.
template <int Values, class Term>
void add_column_sums(context const& c, char const* op, index_t rows, index_t columns, Term const& term,
                     column_sums_outputs<Values> const& outputs) {
  using tuning = column_sums_tuning;
  if (rows == 0 || columns == 0) return;
  index_t rows_per_part = ceil_div(rows, tuning::most_parts);
  if (rows_per_part < tuning::least_rows) rows_per_part = tuning::least_rows;
  index_t const count = ceil_div(rows, rows_per_part);
  tensor<float, 3, context> parts(c, shape{count, index_t{Values}, columns});
  index_t const column_blocks = ceil_div(columns, tuning::columns);
  dim3 const block(tuning::columns, tuning::rows);
  std::size_t const shared = sizeof(float) * Values * tuning::rows * tuning::columns;
  launch(c, op, column_sums_parts_kernel<Values, Term>, blocks(column_blocks, count), block, shared, term, rows,
         columns, rows_per_part, parts.data_handle());
  launch(c, op, column_sums_total_kernel<Values>, blocks(column_blocks), block, shared, parts.data_handle(), count,
         columns, outputs);
}

}  // namespace scale::cuda::detail
