// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rows picked by number, and added back, on the device.

#include <scale/opencl/detail/launch.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/gather_rows.hpp>

namespace scale::opencl {

namespace detail {

inline constexpr program_source gather_rows_program{"gather_rows", {group_reductions, R"CL(
kernel void gather_rows_forward(long columns, MATRIX(float const, x), ARRAY(int const, index), MATRIX(float, y)) {
  FOR_ELEMENTS(i, j, columns) ROW(y, i)[j] = ROW(x, DATA(index)[i])[j];
}

// A group per row of dy. The first row of those with the same index adds all of them, in ascending order.
kernel void gather_rows_backward(long m, long columns, MATRIX(float const, dy), ARRAY(int const, index),
                                 MATRIX(float, dx), local float* shared) {
  long const row = get_group_id(0);
  int const target = DATA(index)[row];
  float earlier = 0;
  FOR_ROW(i, row) earlier += DATA(index)[i] == target ? 1.0f : 0.0f;
  if (group_sum(earlier, shared) != 0) return;
  for (long i = row; i < m; ++i) {
    if (DATA(index)[i] != target) continue;
    FOR_ROW(j, columns) ROW(dx, target)[j] += ROW(dy, i)[j];
  }
}
)CL"}};

}  // namespace detail

template <opencl_float T>
void gather_rows_forward(context const& c, tensor_view<T const, 2, context> x,
                         gather_rows_forward_args<T, context> const& a) {
  detail::launch(c, "gather_rows_forward", detail::gather_rows_program, "gather_rows_forward",
                 detail::elements(a.y.extent(0), a.y.extent(1)), a.y.extent(1), detail::matrix(x),
                 a.index.data_handle(), detail::matrix(a.y));
}

template <opencl_float T>
void gather_rows_backward(context const& c, tensor_view<T const, 2, context> dy,
                          gather_rows_backward_args<T, context> const& a) {
  detail::launch(c, "gather_rows_backward", detail::gather_rows_program, "gather_rows_backward",
                 detail::rows(dy.extent(0)), dy.extent(0), dy.extent(1), detail::matrix(dy), a.index.data_handle(),
                 detail::matrix(a.dx), detail::group_floats);
}

}  // namespace scale::opencl
