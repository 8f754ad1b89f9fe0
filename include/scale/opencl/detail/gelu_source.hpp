// SPDX-License-Identifier: Apache-2.0
#pragma once
// The exact GELU and its derivative, for kernels.

namespace scale::opencl::detail {

/// gelu(x) and gelu_slope(x), both to a few units in the last place: rounding x / sqrt(2) or x^2 alone would cost x^2
/// of them in the lower tail.
inline constexpr char const* gelu_source = R"CL(
#define ROOT_HIGH 0.70710678118654752f  // 1 / sqrt(2), rounded
#define ROOT_LOW 1.21016171e-8f         // and the rest

// Phi(x) and phi(x), distribution and density of the normal distribution.
float2 normal_values(float x) {
  if (fabs(x) > 15) return (float2)(x < 0 ? 0.0f : 1.0f, 0.0f);  // Phi(-15) is below every float
  float const square = x * x, square_rest = fma(x, x, -square);
  float const e = exp(-0.5f * square);
  float const exponential = e - e * (0.5f * square_rest);  // exp(-x^2 / 2)
  float const z = -x * ROOT_HIGH;
  float const z_rest = fma(-x, ROOT_HIGH, -z) - x * ROOT_LOW;
  float const slope = 1.12837916709551257f * exponential;  // of erfc, negative: 2 / sqrt(pi) exp(-z^2)
  return (float2)(0.5f * (erfc(z) - z_rest * slope), 0.39894228040143268f * exponential);
}

// x * Phi(x); the limit at -infinity is -0.
float gelu(float x) {
  float const phi = normal_values(x).x;
  return phi == 0 ? -0.0f : x * phi;
}

// Phi(x) + x * phi(x).
float gelu_slope(float x) {
  float2 const at = normal_values(x);
  return at.y == 0 ? at.x : at.x + x * at.y;
}
)CL";

}  // namespace scale::opencl::detail
