// SPDX-License-Identifier: Apache-2.0
#pragma once
// The exact GELU and its derivative.

#include <scale/cuda/detail/kernel.cuh>

namespace scale::cuda::detail {

/// Phi(x) and phi(x), distribution and density of the normal distribution, both to a few units in the last place:
/// rounding x / sqrt(2) or x^2 alone would cost x^2 of them in the lower tail.
struct normal_values {
  float phi, density;

  __device__ explicit normal_values(float x) {
    if (fabsf(x) > 15) {  // infinities among them; Phi(-15) is below every float
      phi = x < 0 ? 0.0f : 1.0f;
      density = 0;
      return;
    }
    constexpr float root_high = 0.70710678118654752f;                                        // 1 / sqrt(2), rounded
    constexpr float root_low = static_cast<float>(0.70710678118654752 - double{root_high});  // and the rest
    float const square = x * x, square_rest = fmaf(x, x, -square);
    float const e = expf(-0.5f * square);
    float const exponential = e - e * (0.5f * square_rest);  // exp(-x^2 / 2)
    float const z = -x * root_high;
    float const z_rest = fmaf(-x, root_high, -z) - x * root_low;
    float const slope = 1.12837916709551257f * exponential;  // of erfc, negative: 2 / sqrt(pi) exp(-z^2)
    phi = 0.5f * (erfcf(z) - z_rest * slope);
    density = 0.39894228040143268f * exponential;
  }
};

/// x * Phi(x); the limit at -infinity is -0.
struct gelu_value {
  __device__ float operator()(float x) const {
    float const phi = normal_values(x).phi;
    return phi == 0.0f ? -0.0f : x * phi;
  }
};

/// Phi(x) + x * phi(x).
struct gelu_slope {
  __device__ float operator()(float x) const {
    normal_values const at(x);
    return at.density == 0.0f ? at.phi : at.phi + x * at.density;
  }
};

}  // namespace scale::cuda::detail
