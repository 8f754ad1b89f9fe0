// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference largest magnitude.

#include <scale/ops/largest_magnitude.hpp>
#include <scale/ref/context.hpp>

#include <cmath>
#include <concepts>

namespace scale::ref {

template <std::floating_point T>
void largest_magnitude(context const&, tensor_view<T const, 1, context> x,
                       largest_magnitude_args<T, context> const& a) {
  T largest = 0;
  for (index_t i = 0; i < x.extent(0); ++i)
    if (!(std::abs(x(i)) <= largest)) largest = largest == largest ? std::abs(x(i)) : largest;  // NaN stays
  a.y(0) = largest;
}

}  // namespace scale::ref
