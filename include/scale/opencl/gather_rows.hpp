// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rows picked by number, and added back, on the device.

#include <scale/core/tensor.hpp>
#include <scale/opencl/detail/launch.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/gather_rows.hpp>

#include <cstdint>

namespace scale::opencl {

namespace detail {

inline constexpr program_source gather_rows_program{"gather_rows", {R"CL(
kernel void gather_rows_forward(long columns, MATRIX(float const, x), ARRAY(int const, index), MATRIX(float, y)) {
  FOR_ELEMENTS(i, j, columns) ROW(y, i)[j] = ROW(x, DATA(index)[i])[j];
}

// next = the first later row of the same index, m where there is none; first = whether no earlier row has it.
kernel void link_rows(long m, ARRAY(int const, index), ARRAY(int, next), ARRAY(int, first)) {
  long const row = get_global_id(0);
  if (row >= m) return;
  int const target = DATA(index)[row];
  long earlier = 0, later = row + 1;
  while (earlier < row && DATA(index)[earlier] != target) ++earlier;
  while (later < m && DATA(index)[later] != target) ++later;
  DATA(next)[row] = later;
  DATA(first)[row] = earlier == row ? 1 : 0;
}

// A group per row of dy. The first row of those with the same index adds all of them, in ascending order.
kernel void gather_rows_backward(long m, long columns, MATRIX(float const, dy), ARRAY(int const, index),
                                 ARRAY(int const, next), ARRAY(int const, first), MATRIX(float, dx)) {
  long const row = get_group_id(0);
  if (!DATA(first)[row]) return;
  FOR_ROW(j, columns) {
    float sum = ROW(dx, DATA(index)[row])[j];
    for (long i = row; i < m; i = DATA(next)[i]) sum += ROW(dy, i)[j];
    ROW(dx, DATA(index)[row])[j] = sum;
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
  constexpr auto op = "gather_rows_backward";
  auto const& program = detail::gather_rows_program;
  index_t const m = dy.extent(0);
  tensor<std::int32_t, 1, context> next(c, shape{m}), first(c, shape{m});
  detail::launch(c, op, program, "link_rows", detail::items(m), m, a.index.data_handle(), next.data_handle(),
                 first.data_handle());
  detail::launch(c, op, program, op, detail::rows(m), m, dy.extent(1), detail::matrix(dy), a.index.data_handle(),
                 next.data_handle(), first.data_handle(), detail::matrix(a.dx));
}

}  // namespace scale::opencl
