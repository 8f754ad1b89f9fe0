// SPDX-License-Identifier: Apache-2.0
#pragma once
// Softmax on the CPU: three vectorised passes over each row, which stays in the cache.

#include <scale/cpu/detail/reduce.hpp>
#include <scale/cpu/detail/runs.hpp>
#include <scale/cpu/detail/vector_math.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/softmax.hpp>

namespace scale::cpu {

template <cpu_float T>
void softmax_forward(context const& c, tensor_view<T const, 2, context> x, softmax_forward_args<T, context> const& a) {
  index_t const columns = x.extent(1);
  auto const row = [columns](index_t, T const* in, T* out) {
    T const largest = detail::largest(in, columns);
#pragma omp simd
    for (index_t j = 0; j < columns; ++j) out[j] = detail::exp(in[j] - largest);
    T const scale = T(1) / detail::sum(out, columns);
#pragma omp simd
    for (index_t j = 0; j < columns; ++j) out[j] *= scale;
  };
  detail::for_each_row(c, row, x, a.y);
}

template <cpu_float T>
void softmax_backward(context const& c, tensor_view<T const, 2, context> y,
                      softmax_backward_args<T, context> const& a) {
  index_t const columns = y.extent(1);
  auto const row = [columns](index_t, T const* out, T const* dy, T* dx) {
    T const dot = detail::dot(out, dy, columns);
#pragma omp simd
    for (index_t j = 0; j < columns; ++j) dx[j] = out[j] * (dy[j] - dot);
  };
  detail::for_each_row(c, row, y, a.dy, a.dx);
}

}  // namespace scale::cpu
