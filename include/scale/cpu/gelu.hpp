// SPDX-License-Identifier: Apache-2.0
#pragma once
// Gaussian error linear unit on the CPU: one vectorised pass.

#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/detail/runs.hpp>
#include <scale/cpu/detail/vector_math.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/gelu.hpp>

namespace scale::cpu {

template <cpu_element T>
void gelu_forward(context const& c, tensor_view<T const, 2, context> x, gelu_forward_args<T, context> const& a) {
  auto const run = [](index_t length, T const* in, T* out) {
#pragma omp simd
    for (index_t i = 0; i < length; ++i) {
      float const value = in[i];
      detail::normal_value const at = detail::normal(value);
      detail::round_to(out[i], (value > 0 ? value : at.bounded) * at.cdf);
    }
  };
  detail::for_each_run(c, run, x, a.y);
}

template <cpu_element T>
void gelu_backward(context const& c, tensor_view<T const, 2, context> x, gelu_backward_args<T, context> const& a) {
  auto const run = [](index_t length, T const* in, T const* dy, T* dx) {
#pragma omp simd
    for (index_t i = 0; i < length; ++i) {
      detail::normal_value const at = detail::normal(float(in[i]));
      detail::round_to(dx[i], float(dy[i]) * (at.cdf + at.bounded * at.density));
    }
  };
  detail::for_each_run(c, run, x, a.dy, a.dx);
}

}  // namespace scale::cpu
