// SPDX-License-Identifier: Apache-2.0
#pragma once
// The exact GELU and its derivative, for kernels.

namespace scale::opencl::detail {

/// Branches on no element, and four at a time, so that CPUs use their vectors; OpenCL's erfc may be off by 16 units in
/// the last place, and is slow where it is exact.
inline constexpr char const* gelu_source = R"CL(
// Normal distribution at x: cdf with small relative error in the lower tail too, and the density; and x bounded to
// where they are neither 0 nor 1, so that bounded * 0 is 0 at infinity too.
typedef struct {
  float4 cdf, density, bounded;
} normal_values;

normal_values normal(float4 x) {
  float4 const bound = 14.5f, upper = x > bound ? bound : x, bounded = upper < -bound ? -bound : upper;  // NaN stays
  float4 const a = fabs(bounded), e = exp(-0.5f * a * a);
  // Q(a) e^(a^2 / 2) (a + k), Q the upper tail: smooth in 1 / (a + k) (after Shepherd and Laframboise, "Chebyshev
  // approximation of (1 + 2x) exp(x^2) erfc x", 1981); Chebyshev interpolation of degree 10, k = 3.75.
  float4 const inverse = 1 / (a + 3.75f);
  float4 const u = 1.51724138f - 9.43965517f * inverse;  // in [-1, 1]
  float4 p = -5.78432024e-6f;
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
  float4 const tail = p * inverse * e;
  normal_values const result = {bounded > 0 ? 1 - tail : tail, 0.398942280f * e, bounded};
  return result;
}

// x * Phi(x), for at = normal(x); the limit at -infinity is -0.
float4 gelu(float4 x, normal_values at) { return (x > 0 ? x : at.bounded) * at.cdf; }

// Phi(x) + x * phi(x).
float4 gelu_slope(normal_values at) { return at.cdf + at.bounded * at.density; }
)CL";

}  // namespace scale::opencl::detail
