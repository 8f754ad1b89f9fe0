// SPDX-License-Identifier: Apache-2.0
#pragma once
// Square roots of a run. A loop over std::sqrt does not vectorise without -fno-math-errno.

#include <scale/core/config.hpp>
#include <scale/core/shape.hpp>

#include <cmath>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace scale::cpu::detail {

/// y[i] = sqrt(x[i]), correctly rounded; y may be x.
SCALE_ALWAYS_INLINE void square_roots(float const* x, float* y, index_t n) {
  index_t i = 0;
#if defined(__SSE2__)
  for (; i + 4 <= n; i += 4) _mm_storeu_ps(y + i, _mm_sqrt_ps(_mm_loadu_ps(x + i)));
#endif
  for (; i < n; ++i) y[i] = std::sqrt(x[i]);
}

}  // namespace scale::cpu::detail
