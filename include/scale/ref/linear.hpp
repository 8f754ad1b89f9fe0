// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference fully connected layer, sums in stat_t<T>: of y from the bias on over the inputs, of dx over the outputs, of
// dweight and dbias over the rows; each in ascending order.

#include <scale/ops/linear.hpp>
#include <scale/ref/context.hpp>
#include <scale/ref/detail/products.hpp>
#include <scale/ref/gelu.hpp>

namespace scale::ref {

template <floating T>
void linear_forward(context const&, tensor_view<T const, 2, context> x, linear_forward_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const inputs = x.extent(1);
  detail::stepped_matrix<T> const rows{x.data_handle(), x.stride(0), 1}, weight{a.weight.data_handle(), 1, inputs};
  auto const bias = [&](index_t o) { return a.bias.has_data() ? stat(a.bias(o)) : stat(0); };
  detail::multiply(x.extent(0), inputs, a.weight.extent(0), rows, weight, bias, [&](index_t r, index_t o, stat sum) {
    if (a.pre.has_data()) a.pre(r, o) = T(sum);
    switch (a.act) {
      case activation::none: break;
      case activation::relu: sum = sum < 0 ? stat(0) : sum; break;
      case activation::relu6: sum = sum < 0 ? stat(0) : sum > 6 ? stat(6) : sum; break;
      case activation::gelu: sum = detail::gelu(sum); break;
    }
    a.y(r, o) = T(sum);
  });
}

template <floating T>
void linear_backward(context const&, tensor_view<T const, 2, context> x, linear_backward_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const n = x.extent(0), inputs = x.extent(1), outputs = a.dy.extent(1);
  auto const zero = [](index_t) { return stat(0); };
  if (a.dx.has_data()) {
    detail::stepped_matrix<T> const dy{a.dy.data_handle(), a.dy.stride(0), 1};
    detail::stepped_matrix<T> const weight{a.weight.data_handle(), inputs, 1};
    detail::multiply(n, outputs, inputs, dy, weight, zero, [&](index_t r, index_t i, stat sum) {
      a.dx(r, i) = a.dx_mode == write_mode::accumulate ? T(stat(a.dx(r, i)) + sum) : T(sum);
    });
  }
  if (a.dweight.has_data()) {
    detail::stepped_matrix<T> const dy_flipped{a.dy.data_handle(), 1, a.dy.stride(0)};
    detail::stepped_matrix<T> const rows{x.data_handle(), x.stride(0), 1};
    detail::multiply(outputs, n, inputs, dy_flipped, rows, zero,
                     [&](index_t o, index_t i, stat sum) { a.dweight(o, i) += sum; });
  }
  if (a.dbias.has_data())
    for (index_t o = 0; o < outputs; ++o) {
      stat sum = 0;
      for (index_t r = 0; r < n; ++r) sum += stat(a.dy(r, o));
      a.dbias(o) += sum;
    }
}

}  // namespace scale::ref
