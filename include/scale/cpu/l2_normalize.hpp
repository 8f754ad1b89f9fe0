// SPDX-License-Identifier: Apache-2.0
#pragma once
// l2_normalize on the CPU: a row at a time, vectorised, rows over the threads.

#include <scale/cpu/detail/reduce.hpp>
#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/detail/runs.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/l2_normalize.hpp>

#include <cmath>

namespace scale::cpu {

template <cpu_element T>
void l2_normalize_forward(context const& c, tensor_view<T const, 2, context> x,
                          l2_normalize_forward_args<T, context> const& a) {
  // Sums of squares outside of this range have lost or overflowed squares: they are formed again in double.
  constexpr float low = 1e-30f, high = 1e30f;
  index_t const columns = x.extent(1);
  float const eps = static_cast<float>(a.eps);
  auto const row = [&a, columns, eps](index_t i, T const* in, T* out) {
    float const squares = detail::dot(in, in, columns);
    float norm = std::sqrt(squares);
    if (!(squares >= low && squares <= high))
      norm = static_cast<float>(std::sqrt(detail::lane_sum<double>(
          columns, [in](index_t j) { return static_cast<double>(in[j]) * static_cast<double>(in[j]); })));
    float const divisor = norm < eps ? eps : norm;
#pragma omp simd
    for (index_t j = 0; j < columns; ++j) detail::round_to(out[j], float(in[j]) / divisor);
    a.norm(i) = norm;
  };
  detail::for_each_row(c, row, x, a.y);
}

template <cpu_element T>
void l2_normalize_backward(context const& c, tensor_view<T const, 2, context> y,
                           l2_normalize_backward_args<T, context> const& a) {
  index_t const columns = y.extent(1);
  float const eps = static_cast<float>(a.eps);
  auto const row = [&a, columns, eps](index_t i, T const* out, T const* dy, T* dx) {
    float const norm = a.norm(i);
    if (norm == 0) {
      for (index_t j = 0; j < columns; ++j) detail::round_to(dx[j], 0);
      return;
    }
    float const dot = norm < eps ? 0.0f : detail::dot(out, dy, columns);
    float const divisor = norm < eps ? eps : norm;
#pragma omp simd
    for (index_t j = 0; j < columns; ++j) detail::round_to(dx[j], (float(dy[j]) - float(out[j]) * dot) / divisor);
  };
  detail::for_each_row(c, row, y, a.dy, a.dx);
}

}  // namespace scale::cpu
