// SPDX-License-Identifier: Apache-2.0
#pragma once
// Checks of values that operators take, beside the checks of shapes in core: probabilities, indices.

#include <scale/core/tensor_view.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace scale {

/// Throws argument_error unless p is in [0, 1): the probability that an element is dropped.
inline void expect_probability(std::string_view op, std::string_view argument, double p, location at) {
  if (!(p >= 0.0 && p < 1.0)) throw_expected(op, argument, "in [0, 1)", std::to_string(p), at);
}

/// Throws argument_error unless every index of a contiguous view is in [low, high). Only where the host can read the
/// view; on other backends the operator's contract leaves a bad index undefined. A view without data passes. O(n).
template <int Rank, backend B>
void expect_index_range(std::string_view op, std::string_view argument,
                        tensor_view<std::int32_t const, Rank, B> const& index, index_t low, index_t high, location at) {
  if constexpr (host_backend<B>) {
    if (!index.has_data()) return;
    std::int32_t const* const values = index.data_handle();
    bool all = true;  // without an early exit the loop vectorises
    for (index_t i = 0; i < index.size(); ++i) all &= (values[i] >= low) & (values[i] < high);
    if (all) return;
    for (index_t i = 0; i < index.size(); ++i)
      if (values[i] < low || values[i] >= high)
        throw_expected(op, std::string(argument) + "[" + std::to_string(i) + "]",
                       "in [" + std::to_string(low) + ", " + std::to_string(high) + ")", std::to_string(values[i]), at);
  }
}

/// Throws argument_error where a contiguous view names a number in [0, bound) twice; negative ones are not compared.
/// The range has been checked. Only where the host can read the view. O(n + bound), takes bound bits.
template <int Rank, backend B>
void expect_distinct(std::string_view op, std::string_view argument,
                     tensor_view<std::int32_t const, Rank, B> const& index, index_t bound, location at) {
  if constexpr (host_backend<B>) {
    if (!index.has_data()) return;
    std::vector<bool> seen(static_cast<std::size_t>(bound), false);
    for (index_t i = 0; i < index.size(); ++i) {
      std::int32_t const value = index.data_handle()[i];
      if (value < 0) continue;
      if (seen[static_cast<std::size_t>(value)])
        throw_expected(op, std::string(argument) + "[" + std::to_string(i) + "]", "numbers that differ",
                       std::to_string(value) + " again", at);
      seen[static_cast<std::size_t>(value)] = true;
    }
  }
}

}  // namespace scale
