// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sums over the rows of a matrix, one per column, in an order that no number of threads changes.

#include <scale/core/tensor_view.hpp>
#include <scale/cpu/detail/isa.hpp>
#include <scale/cpu/detail/parallel.hpp>

#include <algorithm>

namespace scale::cpu::detail {

/// total[j] += sum over n rows of row(i)[j], j in [0, columns). row(i) gives a pointer to a row, of any type, or
/// nullptr for a row to leave out. Threads share the columns; rows are summed in blocks of 64, the blocks in order: the
/// error grows with n / 64.
template <class T, class Row>
void add_column_sums(context const& c, index_t n, index_t columns, Row const& row, T* total) {
  constexpr index_t rows_per_block = 64, width = 128;
  if (n == 0) return;
  index_t const strips = (columns + width - 1) / width;
  parallel_for(c, strips, grain_for(n * width * static_cast<index_t>(sizeof(T))), [&](index_t begin, index_t end) {
    simd_dispatch([&] {
      for (index_t strip = begin; strip < end; ++strip) {
        index_t const first = strip * width, count = (std::min)(width, columns - first);
        for (index_t block = 0; block < n; block += rows_per_block) {
          T partial[width] = {};
          index_t const last = (std::min)(n, block + rows_per_block);
          for (index_t i = block; i < last; ++i) {
            auto const* const values = row(i);
            if (values == nullptr) continue;
#pragma omp simd
            for (index_t j = 0; j < count; ++j) partial[j] += T(values[first + j]);
          }
#pragma omp simd
          for (index_t j = 0; j < count; ++j) total[first + j] += partial[j];
        }
      }
    });
  });
}

}  // namespace scale::cpu::detail
