// SPDX-License-Identifier: Apache-2.0
#pragma once
// Element-wise work on matrices whose rows may lie apart.

#include <scale/opencl/detail/launch.hpp>

namespace scale::opencl::detail {

/// Rows and columns of a matrix; where all rows of all matrices follow each other, a single row.
struct extent_pair {
  index_t rows, columns;
};

template <class View, class... Views>
extent_pair joined_rows(View const& first, Views const&... others) {
  if (first.is_contiguous() && (others.is_contiguous() && ...)) return {first.size() == 0 ? 0 : 1, first.size()};
  return {first.extent(0), first.extent(1)};
}

/// Launches kernel(columns, matrices...), which works on each element by itself: FOR_ELEMENTS.
template <class... Views>
void launch_elementwise(context const& c, char const* op, program_source const& source, char const* kernel,
                        Views const&... views) {
  extent_pair const e = joined_rows(views...);
  launch(c, op, source, kernel, elements(e.rows, e.columns), e.columns, matrix(views)...);
}

}  // namespace scale::opencl::detail
