// SPDX-License-Identifier: Apache-2.0
#pragma once
// exp and the normal distribution for float without branches or calls, so that loops over them vectorise.

#include <scale/core/config.hpp>

#include <bit>
#include <cstdint>

namespace scale::cpu::detail {

inline constexpr float round_to_integer = 0x1.8p23f;  // adding it rounds to an integer, in the low bits

/// e^x = mantissa 2^n for |x| <= 105; n lies in the low bits of `shifted`, which is n + round_to_integer.
struct exp_parts {
  float mantissa, shifted;
};

SCALE_ALWAYS_INLINE exp_parts split_exp(float x) {
  constexpr float log2_e = 1.44269504f, ln2_high = 0x1.62e4p-1f, ln2_low = 1.42860677e-6f;
  float const shifted = x * log2_e + round_to_integer;
  float const n = shifted - round_to_integer;
  float const r = (x - n * ln2_high) - n * ln2_low;  // |r| <= ln(2) / 2
  // e^r = 1 + r + r^2 p(r), p by Chebyshev interpolation, relative error 1e-8
  float p = 1.39261775e-3f;
  p = p * r + 8.36317418e-3f;
  p = p * r + 4.16665547e-2f;
  p = p * r + 1.66665770e-1f;
  p = p * r + 0.5f;
  return {(p * r) * r + r + 1.0f, shifted};
}

/// e^x within 1.1 units in the last place; overflows to infinity, underflows through the subnormals to 0; NaN gives
/// NaN.
SCALE_ALWAYS_INLINE float exp(float x) {
  float const upper = x > 89.0f ? 89.0f : x;
  exp_parts const e = split_exp(upper < -105.0f ? -105.0f : upper);
  // 2^n in two factors: one alone would overflow, or lose the subnormals
  std::int32_t const exponent = std::bit_cast<std::int32_t>(e.shifted) - std::bit_cast<std::int32_t>(round_to_integer);
  std::int32_t const half = exponent >> 1;
  float const scale1 = std::bit_cast<float>(static_cast<std::uint32_t>(half + 127) << 23);
  float const scale2 = std::bit_cast<float>(static_cast<std::uint32_t>(exponent - half + 127) << 23);
  return e.mantissa * scale1 * scale2;
}

/// mantissa 2^n where that is a normal number: n goes straight into the exponent.
SCALE_ALWAYS_INLINE float scaled_by_power(exp_parts const& e) {
  std::uint32_t const exponent = std::bit_cast<std::uint32_t>(e.shifted) << 23;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(e.mantissa) + exponent);
}

/// e^x for x <= 0 within 1.1 units in the last place, and 0 below -87, where e^x is nearly subnormal; NaN gives NaN.
/// Half of the work of exp.
SCALE_ALWAYS_INLINE float exp_of_negative(float x) {
  constexpr float least = -87.0f;
  float const result = scaled_by_power(split_exp(x < least ? least : x));
  return x < least ? 0.0f : result;
}

/// 2^x for x <= 0 with a relative error of 4e-6, for what is rounded to bf16; 2^-126 below -126; NaN gives NaN. Two
/// thirds of the work of exp_of_negative.
SCALE_ALWAYS_INLINE float coarse_exp2_of_negative(float x) {
  float const bounded = x < -126.0f ? -126.0f : x;
  float const shifted = bounded + round_to_integer;
  float const r = bounded - (shifted - round_to_integer);  // |r| <= 1 / 2; Chebyshev interpolation of degree 4
  float p = 0.00966636837f;
  p = p * r + 0.0559219755f;
  p = p * r + 0.240223497f;
  p = p * r + 0.693121016f;
  p = p * r + 1.0f;
  return scaled_by_power({p, shifted});
}

/// Normal distribution at x: cdf = P(X <= x) with small relative error in the lower tail too, and the density; and x
/// bounded to [-14.5, 14.5], outside of which cdf and density are 0 or 1 in float: bounded * 0 is 0 at infinity too.
struct normal_value {
  float cdf, density, bounded;
};

/// Relative error of cdf at most 5e-7 for x >= -1, 8e-7 for x >= -5; it grows with x^2 as the rounding of x^2 does.
SCALE_ALWAYS_INLINE normal_value normal(float x) {
  constexpr float bound = 14.5f;
  float const upper = x > bound ? bound : x;
  float const bounded = upper < -bound ? -bound : upper;
  float const a = bounded < 0.0f ? -bounded : bounded;
  float const e = exp(-0.5f * a * a);
  // Q(a) e^(a^2 / 2) (a + k), Q the upper tail: smooth in 1 / (a + k) (after Shepherd and Laframboise, "Chebyshev
  // approximation of (1 + 2x) exp(x^2) erfc x", 1981); Chebyshev interpolation of degree 10, k = 3.75, a <= 14.5,
  // relative error 7e-10.
  float const inverse = 1.0f / (a + 3.75f);
  float const u = 1.51724138f - 9.43965517f * inverse;  // in [-1, 1]
  float p = -5.78432024e-6f;
  p = p * u + 2.94545038e-6f;
  p = p * u + 8.45165210e-5f;
  p = p * u - 5.02837231e-5f;
  p = p * u - 1.11315045e-3f;
  p = p * u + 2.08682684e-3f;
  p = p * u + 1.33614283e-2f;
  p = p * u - 9.08240745e-2f;
  p = p * u + 2.87616981e-1f;
  p = p * u - 5.98834359e-1f;
  p = p * u + 8.87437063e-1f;
  float const tail = p * inverse * e;
  return {bounded > 0.0f ? 1.0f - tail : tail, 0.398942280f * e, bounded};
}

}  // namespace scale::cpu::detail
