// SPDX-License-Identifier: Apache-2.0
#pragma once
// Softmax on the CPU: three vectorised passes over each row, which stays in the cache.

#include <scale/cpu/detail/reduce.hpp>
#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/detail/runs.hpp>
#include <scale/cpu/detail/vector_math.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/softmax.hpp>

namespace scale::cpu {

template <cpu_element T>
void softmax_forward(context const& c, tensor_view<T const, 2, context> x, softmax_forward_args<T, context> const& a) {
  index_t const columns = x.extent(1);
  auto const row = [columns](index_t, T const* in, T* out) {
    float const largest = detail::largest(in, columns);
    auto const weight = [in, largest](index_t j) { return detail::exp(float(in[j]) - largest); };
    float const scale = 1 / detail::lane_sum<float>(columns, weight);
#pragma omp simd
    for (index_t j = 0; j < columns; ++j) detail::round_to(out[j], weight(j) * scale);
  };
  detail::for_each_row(c, row, x, a.y);
}

template <cpu_element T>
void softmax_backward(context const& c, tensor_view<T const, 2, context> y,
                      softmax_backward_args<T, context> const& a) {
  index_t const columns = y.extent(1);
  auto const row = [columns](index_t, T const* out, T const* dy, T* dx) {
    float const dot = detail::dot(out, dy, columns);
#pragma omp simd
    for (index_t j = 0; j < columns; ++j) detail::round_to(dx[j], float(out[j]) * (float(dy[j]) - dot));
  };
  detail::for_each_row(c, row, y, a.dy, a.dx);
}

}  // namespace scale::cpu
