// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fully connected layer on the CPU: oneDNN's matmul forward and backward, activation in its pass or after it.

#include <scale/cpu/copy.hpp>
#include <scale/cpu/detail/column_sums.hpp>
#include <scale/cpu/detail/matmul.hpp>
#include <scale/cpu/element.hpp>
#include <scale/cpu/gelu.hpp>
#include <scale/cpu/relu.hpp>
#include <scale/ops/linear.hpp>

namespace scale::cpu {

template <cpu_element T>
void linear_forward(context const& c, tensor_view<T const, 2, context> x, linear_forward_args<T, context> const& a) {
  bool const fused = a.act == activation::none || (a.act == activation::relu && !a.pre.has_data());
  tensor_view<T, 2, context> const product = a.pre.has_data() ? a.pre : a.y;
  detail::multiply(
      c, "linear_forward", detail::matrix_of(x), detail::matrix_of(a.weight).flipped(), detail::matrix_of(product),
      {.bias = a.bias.data_handle(), .mode = write_mode::assign, .relu = fused && a.act == activation::relu});
  tensor_view<T const, 2, context> const sum = product;
  if (a.act == activation::gelu)
    gelu_forward(c, sum, gelu_forward_args<T, context>{.y = a.y});
  else if (!fused)
    relu_forward(c, sum, relu_forward_args<T, context>{.y = a.y});
  else if (a.pre.has_data())
    copy(c, sum, copy_args<T, context>{.y = a.y});
}

template <cpu_element T>
void linear_backward(context const& c, tensor_view<T const, 2, context> x, linear_backward_args<T, context> const& a) {
  auto const dy = detail::matrix_of(a.dy);
  if (a.dx.has_data())
    detail::multiply(c, "linear_backward", dy, detail::matrix_of(a.weight), detail::matrix_of(a.dx),
                     {.bias = nullptr, .mode = a.dx_mode, .relu = false});
  if (a.dweight.has_data())
    detail::multiply(c, "linear_backward", dy.flipped(), detail::matrix_of(x), detail::matrix_of(a.dweight),
                     {.bias = nullptr, .mode = write_mode::accumulate, .relu = false});
  if (a.dbias.has_data())
    detail::add_column_sums(
        c, dy.rows, dy.columns, [&](index_t i) -> T const* { return dy.data + i * dy.row_stride; },
        a.dbias.data_handle());
}

}  // namespace scale::cpu
