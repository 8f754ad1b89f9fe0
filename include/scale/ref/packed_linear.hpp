// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference layer with packed weights: the weight lies transposed, so that the sums of a row run side by side.

#include <scale/ops/packed_linear.hpp>
#include <scale/ref/context.hpp>
#include <scale/ref/gelu.hpp>

#include <cstddef>
#include <vector>

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
  std::vector<stat> row(static_cast<std::size_t>(outputs));
  for (index_t r = 0; r < x.extent(0); ++r) {
    stat* const sums = row.data();
    for (index_t o = 0; o < outputs; ++o) sums[o] = a.bias.has_data() ? stat(a.bias(o)) : stat(0);
    for (index_t i = 0; i < x.extent(1); ++i) {
      stat const value = stat(x(r, i));
      T const* const weights = a.packed.data_handle() + i * outputs;
      for (index_t o = 0; o < outputs; ++o) sums[o] += value * stat(weights[o]);
    }
    for (index_t o = 0; o < outputs; ++o) {
      stat const sum = a.act == activation::gelu ? detail::gelu(sums[o]) : sums[o];
      a.y(r, o) = T(a.mode == write_mode::accumulate ? stat(a.y(r, o)) + sum : sum);
    }
  }
}

}  // namespace scale::ref
