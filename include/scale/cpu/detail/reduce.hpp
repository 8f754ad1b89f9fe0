// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sums and maxima over contiguous runs with a fixed number of partial results, so that they vectorise and depend
// neither on the instruction set's width nor on the number of threads.

#include <scale/core/config.hpp>
#include <scale/core/dtype.hpp>
#include <scale/core/shape.hpp>

#include <limits>

namespace scale::cpu::detail {

inline constexpr int reduction_lanes = 32;

namespace lanes {

/// Combines Width partial results in place, halves first: the result is in lane 0.
template <int Width, class T, class Combine>
SCALE_ALWAYS_INLINE void fold(T* partial, Combine const& combine) {
  if constexpr (Width > 1) {
#pragma omp simd
    for (int k = 0; k < Width / 2; ++k) partial[k] = combine(partial[k], partial[k + Width / 2]);
    fold<Width / 2>(partial, combine);
  }
}

/// combine(... term(0), term(1) ... term(n - 1)) from `first`; element i belongs to lane i modulo 32.
template <class T, class Term, class Combine>
SCALE_ALWAYS_INLINE T reduce(index_t n, T first, Term const& term, Combine const& combine) {
  T partial[reduction_lanes];
  for (int k = 0; k < reduction_lanes; ++k) partial[k] = first;
  index_t i = 0;
  for (; i + reduction_lanes <= n; i += reduction_lanes) {
#pragma omp simd
    for (int k = 0; k < reduction_lanes; ++k) partial[k] = combine(partial[k], term(i + k));
  }
  int const rest = static_cast<int>(n - i);
  for (int k = 0; k < rest; ++k) partial[k] = combine(partial[k], term(i + k));
  fold<reduction_lanes>(partial, combine);
  return partial[0];
}

}  // namespace lanes

/// Sum of term(i), i in [0, n); call it inside simd_dispatch. term is inlined.
template <class T, class Term>
SCALE_ALWAYS_INLINE T lane_sum(index_t n, Term const& term) {
  return lanes::reduce(n, T(0), term, [](T a, T b) { return a + b; });
}

/// Largest term(i), i in [0, n); minus infinity for n = 0. NaN is passed over.
template <class T, class Term>
SCALE_ALWAYS_INLINE T lane_max(index_t n, Term const& term) {
  return lanes::reduce(n, -std::numeric_limits<T>::infinity(), term, [](T a, T b) { return b > a ? b : a; });
}

template <class T>
SCALE_ALWAYS_INLINE stat_t<T> sum(T const* x, index_t n) {
  return lane_sum<stat_t<T>>(n, [x](index_t i) { return stat_t<T>(x[i]); });
}

template <class T>
SCALE_ALWAYS_INLINE stat_t<T> dot(T const* x, T const* y, index_t n) {
  return lane_sum<stat_t<T>>(n, [x, y](index_t i) { return stat_t<T>(x[i]) * stat_t<T>(y[i]); });
}

template <class T>
SCALE_ALWAYS_INLINE stat_t<T> largest(T const* x, index_t n) {
  return lane_max<stat_t<T>>(n, [x](index_t i) { return stat_t<T>(x[i]); });
}

}  // namespace scale::cpu::detail
