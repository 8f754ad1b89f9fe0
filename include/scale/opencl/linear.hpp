// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fully connected layer on the device: products that add the bias; activations by kernels of their own.

#include <scale/opencl/copy.hpp>
#include <scale/opencl/detail/column_sums.hpp>
#include <scale/opencl/detail/product.hpp>
#include <scale/opencl/gelu.hpp>
#include <scale/opencl/relu.hpp>
#include <scale/ops/linear.hpp>

namespace scale::opencl {

namespace detail {

inline constexpr program_source linear_program{"linear", {column_parts_source, R"CL(
// Over the rows of each part: of dy.
kernel void bias_parts(PARTS_OF_ROWS, MATRIX(float const, dy), MATRIX(float, parts)) {
  COLUMN_AND_PART(j, part);
  float sum = 0;
  FOR_PART_ROWS(i) sum += ROW(dy, i)[j];
  ROW(parts, part)[j] = sum;
}
)CL"}};

/// dbias += sum over the rows of dy.
inline void add_bias_gradient(context const& c, tensor_view<float const, 2, context> dy, float* dbias) {
  constexpr auto op = "linear_backward";
  index_t const n = dy.extent(0), columns = dy.extent(1);
  if (dy.size() == 0) return;
  row_parts const parts(n);
  tensor<float, 2, context> sums(c, shape{parts.count, columns});
  launch(c, op, linear_program, "bias_parts", column_parts(parts, columns), n, columns, parts.rows_per_part, matrix(dy),
         matrix(sums.view()));
  add_parts(c, op, sums, dbias);
}

}  // namespace detail

template <opencl_float T>
void linear_forward(context const& c, tensor_view<T const, 2, context> x, linear_forward_args<T, context> const& a) {
  using detail::factor;
  tensor_view<T, 2, context> const sum = a.pre.has_data() ? a.pre : a.y;
  detail::multiply(c, "linear_forward", factor::rows_of(x), factor::rows_of(a.weight), sum, write_mode::assign, a.bias);
  if (a.act == activation::relu) relu_forward<T>(c, sum, {.y = a.y});
  if (a.act == activation::gelu) gelu_forward<T>(c, sum, {.y = a.y});
  if (a.act == activation::none && a.pre.has_data()) copy<T>(c, sum, {.y = a.y});
}

template <opencl_float T>
void linear_backward(context const& c, tensor_view<T const, 2, context> x, linear_backward_args<T, context> const& a) {
  constexpr auto op = "linear_backward";
  using detail::factor;
  if (a.dx.has_data()) detail::multiply(c, op, factor::rows_of(a.dy), factor::columns_of(a.weight), a.dx, a.dx_mode);
  if (a.dweight.has_data())
    detail::multiply(c, op, factor::columns_of(a.dy), factor::columns_of(x), a.dweight, write_mode::accumulate);
  if (a.dbias.has_data()) detail::add_bias_gradient(c, a.dy, a.dbias.data_handle());
}

}  // namespace scale::opencl
