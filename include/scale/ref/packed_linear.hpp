// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference layer with packed weights, which lie transposed; sums in stat_t<T> from the bias on, inputs ascending.

#include <scale/ops/packed_linear.hpp>
#include <scale/ref/context.hpp>
#include <scale/ref/detail/products.hpp>
#include <scale/ref/gelu.hpp>

namespace scale::ref {

template <floating T>
index_t packed_linear_size(context const&, std::type_identity<T>, index_t inputs, index_t outputs) {
  return inputs * outputs;
}

template <floating T>
void pack_linear(context const&, tensor_view<T const, 2, context> weight, pack_linear_args<T, context> const& a) {
  index_t const outputs = weight.extent(0);
  for (index_t o = 0; o < outputs; ++o)
    for (index_t i = 0; i < weight.extent(1); ++i) a.packed(i * outputs + o) = weight(o, i);
}

template <floating T>
void packed_linear(context const&, tensor_view<T const, 2, context> x, packed_linear_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const outputs = a.y.extent(1);
  detail::stepped_matrix<T> const rows{x.data_handle(), x.stride(0), 1}, weight{a.packed.data_handle(), outputs, 1};
  auto const bias = [&](index_t o) { return a.bias.has_data() ? stat(a.bias(o)) : stat(0); };
  detail::multiply(x.extent(0), x.extent(1), outputs, rows, weight, bias, [&](index_t r, index_t o, stat sum) {
    if (a.act == activation::gelu) sum = detail::gelu(sum);
    a.y(r, o) = T(a.mode == write_mode::accumulate ? stat(a.y(r, o)) + sum : sum);
  });
}

}  // namespace scale::ref
