// SPDX-License-Identifier: Apache-2.0
#pragma once
// All tolerances of the tests, derived from the element type and the length of the reduction.

#include <scale/core/dtype.hpp>
#include <scale/core/shape.hpp>

#include <cmath>
#include <concepts>
#include <limits>

namespace testing {

/// Largest relative error of rounding to T.
template <class T>
inline constexpr double unit_roundoff = std::same_as<T, double>  ? 0x1p-53
                                        : std::same_as<T, float> ? 0x1p-24
                                                                 : 0x1p-8;  // bf16: 8 bits of precision

/// For values that come of a few operations on sums of `length` terms of random sign, each product and sum rounded:
/// the errors add up like a random walk. Relative to the largest value of the tensor. Eight roundings (functions such
/// as exp among them) are allowed for beside the sum.
template <class T>
double tolerance(scale::index_t length = 1) {
  using stat = scale::stat_t<T>;
  return unit_roundoff<stat> * (8 + 2 * std::sqrt(static_cast<double>(length))) +
         (std::same_as<T, stat> ? 0.0 : unit_roundoff<T>);
}

/// One more rounding to T where T is narrower than what is computed in: for what a contract lets round in between.
template <class T>
inline constexpr double storage_rounding = std::same_as<T, scale::stat_t<T>> ? 0.0 : unit_roundoff<T>;

/// For gradients against central differences of fourth order in double with step 1e-3: h^4 and rounding / h are both
/// near 1e-12; what is differentiated here has values and derivatives of order 1 to 100.
inline constexpr double difference_tolerance = 1e-7;

}  // namespace testing
