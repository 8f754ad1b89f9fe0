// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sums over the rows of a matrix, one per column: in parts of rows, then over the parts, both in ascending order, so
// that the result does not depend on how groups are scheduled.

#include <scale/core/tensor.hpp>
#include <scale/opencl/detail/launch.hpp>

#include <algorithm>

namespace scale::opencl::detail {

struct column_sums_tuning {
  static constexpr index_t least_rows = 64;  // of a part
  static constexpr index_t most_parts = 256;
};

/// For an operator's kernel that sums the parts: an item works on column j, its sums go to row `part` of a matrix.
inline constexpr char const* column_parts_source = R"CL(
#define PARTS_OF_ROWS long rows, long columns, long rows_per_part

// Rows [begin, end) of the item's part.
#define FOR_PART_ROWS(i) \
  for (long i = part * rows_per_part, end_##i = min(rows, (part + 1) * rows_per_part); i < end_##i; ++i)

#define COLUMN_AND_PART(j, part)                          \
  long const j = get_global_id(0), part = get_group_id(1); \
  if (j >= columns) return
)CL";

inline constexpr program_source column_sums_program{"column_sums", {R"CL(
// total += sum over the rows of parts.
kernel void add_parts(long count, long columns, MATRIX(float const, parts), ARRAY(float, total)) {
  long const j = get_global_id(0);
  if (j >= columns) return;
  float sum = 0;
  for (long part = 0; part < count; ++part) sum += ROW(parts, part)[j];
  DATA(total)[j] += sum;
}
)CL"}};

/// How the rows of a matrix are split.
struct row_parts {
  index_t rows_per_part, count;

  explicit row_parts(index_t rows)
      : rows_per_part((std::max)(ceil_div(rows, column_sums_tuning::most_parts), column_sums_tuning::least_rows)),
        count(ceil_div(rows, rows_per_part)) {}
};

/// An item per column and part.
inline work column_parts(row_parts const& parts, index_t columns) {
  work w = items(columns);
  w.second = parts.count;
  return w;
}

/// total [columns] += sum over the rows of parts.
inline void add_parts(context const& c, char const* op, tensor_view<float const, 2, context> parts, float* total) {
  launch(c, op, column_sums_program, "add_parts", items(parts.extent(1)), parts.extent(0), parts.extent(1),
         matrix(parts), total);
}

}  // namespace scale::opencl::detail
