// SPDX-License-Identifier: Apache-2.0
#pragma once
// GELU behind dropout on the CPU: one pass, in which value and slope share the normal distribution.

#include <scale/cpu/detail/dropout_mask.hpp>
#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/detail/runs.hpp>
#include <scale/cpu/detail/vector_math.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/gelu_dropout.hpp>

#include <cstdint>

namespace scale::cpu {

namespace detail {

/// `factor(i)` is that of element i; with 0 an element is 0 whatever x is. slope is null where it is not wanted.
template <class T, class Factor>
SCALE_ALWAYS_INLINE void gelu_run(index_t n, T const* x, T* y, T* slope, Factor const& factor) {
  if (slope == nullptr) {
#pragma omp simd
    for (index_t i = 0; i < n; ++i) {
      float const value = x[i], f = factor(i);
      normal_value const at = normal(value);
      round_to(y[i], f == 0.0f ? 0.0f : f * ((value > 0 ? value : at.bounded) * at.cdf));
    }
    return;
  }
#pragma omp simd
  for (index_t i = 0; i < n; ++i) {
    float const value = x[i], f = factor(i);
    normal_value const at = normal(value);
    round_to(y[i], f == 0.0f ? 0.0f : f * ((value > 0 ? value : at.bounded) * at.cdf));
    round_to(slope[i], f == 0.0f ? 0.0f : f * (at.cdf + at.bounded * at.density));
  }
}

}  // namespace detail

template <cpu_element T>
void gelu_dropout(context const& c, tensor_view<T const, 2, context> x, gelu_dropout_args<T, context> const& a) {
  index_t const columns = x.extent(1);
  auto const row = [&, columns](index_t i, T const* in, T* out) {
    T* const slope = a.slope.has_data() ? a.slope.data_handle() + i * a.slope.stride(0) : nullptr;
    if (a.p == 0) return detail::gelu_run(columns, in, out, slope, [](index_t) { return 1.0f; });
    index_t const number = a.rows.has_data() ? index_t{a.rows(i)} : i;
    detail::for_each_dropout_chunk(a.key, a.p, static_cast<std::uint64_t>(number) * static_cast<std::uint64_t>(columns),
                                   columns, [&](index_t offset, index_t length, float const* factors) {
                                     detail::gelu_run(length, in + offset, out + offset,
                                                      slope == nullptr ? nullptr : slope + offset,
                                                      [factors](index_t j) { return factors[j]; });
                                   });
  };
  detail::for_each_row(c, row, x, a.y);
}

}  // namespace scale::cpu
