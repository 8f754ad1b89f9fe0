// SPDX-License-Identifier: Apache-2.0
#pragma once
// Softmax over the rows of a matrix on the device: a group per row.

#include <scale/opencl/detail/launch.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/softmax.hpp>

namespace scale::opencl {

namespace detail {

inline constexpr program_source softmax_program{"softmax", {group_reductions, R"CL(
kernel void softmax_forward(long columns, MATRIX(float const, x), MATRIX(float, y), local float* shared) {
  long const i = get_group_id(0);
  float largest = -INFINITY, sum = 0;
  FOR_ROW(j, columns) largest = fmax(largest, ROW(x, i)[j]);
  largest = group_max(largest, shared);
  FOR_ROW(j, columns) sum += exp(ROW(x, i)[j] - largest);
  sum = group_sum(sum, shared);
  FOR_ROW(j, columns) ROW(y, i)[j] = exp(ROW(x, i)[j] - largest) / sum;
}

kernel void softmax_backward(long columns, MATRIX(float const, y), MATRIX(float const, dy), MATRIX(float, dx),
                             local float* shared) {
  long const i = get_group_id(0);
  float dot = 0;
  FOR_ROW(j, columns) dot += ROW(y, i)[j] * ROW(dy, i)[j];
  dot = group_sum(dot, shared);
  FOR_ROW(j, columns) ROW(dx, i)[j] = ROW(y, i)[j] * (ROW(dy, i)[j] - dot);
}
)CL"}};

}  // namespace detail

template <opencl_float T>
void softmax_forward(context const& c, tensor_view<T const, 2, context> x, softmax_forward_args<T, context> const& a) {
  detail::launch(c, "softmax_forward", detail::softmax_program, "softmax_forward", detail::rows(x.extent(0)),
                 x.extent(1), detail::matrix(x), detail::matrix(a.y), detail::group_floats);
}

template <opencl_float T>
void softmax_backward(context const& c, tensor_view<T const, 2, context> y,
                      softmax_backward_args<T, context> const& a) {
  detail::launch(c, "softmax_backward", detail::softmax_program, "softmax_backward", detail::rows(y.extent(0)),
                 y.extent(1), detail::matrix(y), detail::matrix(a.dy), detail::matrix(a.dx), detail::group_floats);
}

}  // namespace scale::opencl
