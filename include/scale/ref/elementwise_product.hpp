// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference product, element by element.

#include <scale/ops/elementwise_product.hpp>
#include <scale/ref/context.hpp>

namespace scale::ref {

template <floating T>
void elementwise_product(context const&, tensor_view<T const, 2, context> x,
                         elementwise_product_args<T, context> const& a) {
  for (index_t i = 0; i < x.extent(0); ++i)
    for (index_t j = 0; j < x.extent(1); ++j) a.y(i, j) = T(stat_t<T>(x(i, j)) * stat_t<T>(a.by(i, j)));
}

}  // namespace scale::ref
