// SPDX-License-Identifier: Apache-2.0
#pragma once
// Copy and sum of matrices on the device.

#include <scale/opencl/detail/elementwise.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/copy.hpp>

namespace scale::opencl {

/// What copy moves: integers, f16, and what it can add as well.
template <class T>
concept opencl_element = element<T> &&(!floating<T> || opencl_float<T>);

namespace detail {

/// WORD is an integer of the element's size.
inline constexpr program_source copy_program{"copy", {R"CL(
kernel void copy(long columns, MATRIX(WORD const, x), MATRIX(WORD, y)) {
  FOR_ELEMENTS(i, j, columns) ROW(y, i)[j] = ROW(x, i)[j];
}

kernel void add(long columns, MATRIX(float const, x), MATRIX(float, y)) {
  FOR_ELEMENTS(i, j, columns) ROW(y, i)[j] += ROW(x, i)[j];
}
)CL"}};

template <class T>
inline constexpr char const* word_define = sizeof(T) == 1   ? "-D WORD=uchar"
                                           : sizeof(T) == 2 ? "-D WORD=ushort"
                                           : sizeof(T) == 4 ? "-D WORD=uint"
                                                            : "-D WORD=ulong";

}  // namespace detail

template <opencl_element T>
void copy(context const& c, tensor_view<T const, 2, context> x, copy_args<T, context> const& a) {
  detail::extent_pair const e = detail::joined_rows(x, a.y);
  char const* const kernel = a.mode == write_mode::accumulate ? "add" : "copy";
  detail::launch_with(c, "copy", detail::copy_program, detail::word_define<T>, kernel,
                      detail::elements(e.rows, e.columns), e.columns, detail::matrix(x), detail::matrix(a.y));
}

}  // namespace scale::opencl
