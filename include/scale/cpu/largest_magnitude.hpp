// SPDX-License-Identifier: Apache-2.0
#pragma once
// Largest magnitude on the CPU. Without their signs, floats are ordered as their bits are, NaN above all: a maximum of
// whole numbers, which vectorises and depends neither on order nor on the number of threads.

#include <scale/cpu/context.hpp>
#include <scale/cpu/detail/isa.hpp>
#include <scale/cpu/detail/parallel.hpp>
#include <scale/ops/largest_magnitude.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace scale::cpu {

namespace detail {

SCALE_ALWAYS_INLINE std::uint32_t largest_magnitude_bits(float const* x, index_t n) {
  std::uint32_t largest = 0;
#pragma omp simd reduction(max : largest)
  for (index_t i = 0; i < n; ++i) {
    std::uint32_t const bits = std::bit_cast<std::uint32_t>(x[i]) & 0x7fffffffu;
    largest = bits > largest ? bits : largest;
  }
  return largest;
}

}  // namespace detail

inline void largest_magnitude(context const& c, tensor_view<float const, 1, context> x,
                              largest_magnitude_args<float, context> const& a) {
  constexpr index_t part = index_t{1} << 16;
  index_t const n = x.extent(0), parts = (n + part - 1) / part;
  std::vector<std::uint32_t> largest(static_cast<std::size_t>(parts));
  detail::parallel_for(c, parts, 1, [&](index_t begin, index_t end) {
    detail::simd_dispatch([&] {
      for (index_t i = begin; i < end; ++i)
        largest[static_cast<std::size_t>(i)] =
            detail::largest_magnitude_bits(x.data_handle() + i * part, (std::min)(part, n - i * part));
    });
  });
  std::uint32_t all = 0;
  for (std::uint32_t const one : largest) all = (std::max)(all, one);
  a.y(0) = std::bit_cast<float>(all);
}

}  // namespace scale::cpu
