// SPDX-License-Identifier: Apache-2.0
#pragma once
// Dropout on the CPU: masks are made in the pass that uses them, sixteen Philox blocks at a time.

#include <scale/cpu/detail/dropout_mask.hpp>
#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/detail/runs.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/dropout.hpp>

#include <cstdint>

namespace scale::cpu {

namespace detail {

/// out = residual (if any) + kept input, one row of `columns` elements whose stream begins at `first`.
template <class T>
SCALE_ALWAYS_INLINE void dropout_row(random_key key, double p, std::uint64_t first, index_t columns, T const* in,
                                     T const* residual, T* out) {
  if (p == 0) {
#pragma omp simd
    for (index_t j = 0; j < columns; ++j) out[j] = residual != nullptr ? T(float(residual[j]) + float(in[j])) : in[j];
    return;
  }
  for_each_dropout_chunk(key, p, first, columns, [&](index_t offset, index_t length, float const* factors) {
    T const* const x = in + offset;
    T* const y = out + offset;
    if (residual != nullptr) {
      T const* const r = residual + offset;
#pragma omp simd
      for (index_t j = 0; j < length; ++j)
        round_to(y[j], factors[j] == 0.0f ? float(r[j]) : float(r[j]) + factors[j] * float(x[j]));
    } else {
#pragma omp simd
      for (index_t j = 0; j < length; ++j) round_to(y[j], factors[j] == 0.0f ? 0.0f : factors[j] * float(x[j]));
    }
  });
}

/// Both directions: rows is the dense number of each row, or without data.
template <class T>
void dropout_rows(context const& c, tensor_view<T const, 2, context> const& x,
                  tensor_view<T const, 2, context> const& residual, tensor_view<T, 2, context> const& y, double p,
                  random_key key, tensor_view<std::int32_t const, 1, context> const& rows) {
  index_t const columns = x.extent(1);
  auto const row = [&, columns](index_t i, T const* in, T* out) {
    index_t const number = rows.has_data() ? rows(i) : i;
    T const* const added = residual.has_data() ? residual.data_handle() + i * residual.stride(0) : nullptr;
    dropout_row(key, p, static_cast<std::uint64_t>(number) * static_cast<std::uint64_t>(columns), columns, in, added,
                out);
  };
  for_each_row(c, row, x, y);
}

}  // namespace detail

template <cpu_element T>
void dropout_forward(context const& c, tensor_view<T const, 2, context> x, dropout_forward_args<T, context> const& a) {
  detail::dropout_rows(c, x, a.residual, a.y, a.p, a.key, a.rows);
}

template <cpu_element T>
void dropout_backward(context const& c, tensor_view<T const, 2, context> dy,
                      dropout_backward_args<T, context> const& a) {
  detail::dropout_rows(c, dy, tensor_view<T const, 2, context>(), a.dx, a.p, a.key, a.rows);
}

}  // namespace scale::cpu
