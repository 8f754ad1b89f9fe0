// SPDX-License-Identifier: Apache-2.0
#pragma once
// Product, element by element, on the CPU: one pass, as fast as memory.

#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/detail/runs.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/elementwise_product.hpp>

namespace scale::cpu {

template <cpu_element T>
void elementwise_product(context const& c, tensor_view<T const, 2, context> x,
                         elementwise_product_args<T, context> const& a) {
  auto const run = [](index_t length, T const* in, T const* by, T* out) {
#pragma omp simd
    for (index_t i = 0; i < length; ++i) detail::round_to(out[i], float(in[i]) * float(by[i]));
  };
  detail::for_each_run(c, run, x, a.by, a.y);
}

}  // namespace scale::cpu
