// SPDX-License-Identifier: Apache-2.0
#pragma once
// Cross-entropy on the CPU: rows over the threads, each vectorised; the mean is summed in row order, in double.

#include <scale/cpu/detail/reduce.hpp>
#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/detail/runs.hpp>
#include <scale/cpu/detail/vector_math.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/cross_entropy.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

namespace scale::cpu {

template <cpu_element T>
void cross_entropy_forward(context const& c, tensor_view<T const, 2, context> logits,
                           cross_entropy_forward_args<T, context> const& a) {
  index_t const n = logits.extent(0), classes = logits.extent(1);
  std::vector<double> losses(static_cast<std::size_t>(n));
  auto const row = [&, classes](index_t i, T const* in) {
    float const largest = detail::largest(in, classes);
    float const sum = detail::lane_sum<float>(classes, [=](index_t j) { return detail::exp(float(in[j]) - largest); });
    float const log_sum = std::log(sum);
    a.lse(i) = largest + log_sum;
    // not lse - logit: both may be large
    losses[static_cast<std::size_t>(i)] =
        static_cast<double>(log_sum) + (static_cast<double>(largest) - static_cast<double>(float(in[a.labels(i)])));
  };
  detail::for_each_row(c, row, logits);
  double sum = 0;
  for (double const loss : losses) sum += loss;
  a.loss(0) = n == 0 ? 0.0f : static_cast<float>(sum / static_cast<double>(n));
}

template <cpu_element T>
void cross_entropy_backward(context const& c, tensor_view<T const, 2, context> logits,
                            cross_entropy_backward_args<T, context> const& a) {
  index_t const n = logits.extent(0), classes = logits.extent(1);
  float const factor = n == 0 ? 0.0f : static_cast<float>(a.scale / static_cast<double>(n));
  auto const row = [&a, classes, factor](index_t i, T const* in, T* out) {
    float const lse = a.lse(i);
    index_t const label = a.labels(i);
#pragma omp simd
    for (index_t j = 0; j < classes; ++j)
      detail::round_to(out[j], factor * (detail::exp(float(in[j]) - lse) - (j == label ? 1.0f : 0.0f)));
  };
  detail::for_each_row(c, row, logits, a.dlogits);
}

}  // namespace scale::cpu
