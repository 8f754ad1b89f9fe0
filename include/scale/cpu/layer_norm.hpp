// SPDX-License-Identifier: Apache-2.0
#pragma once
// Layer normalisation on the CPU: each row is read once from memory, parameter gradients are summed in fixed blocks.

#include <scale/cpu/detail/reduce.hpp>
#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/detail/runs.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/layer_norm.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace scale::cpu {

template <cpu_element T>
void layer_norm_forward(context const& c, tensor_view<T const, 2, context> x,
                        layer_norm_forward_args<T, context> const& a) {
  using S = stat_t<T>;
  index_t const columns = x.extent(1);
  T const *const gamma = a.gamma.data_handle(), *const beta = a.beta.data_handle();
  auto const row = [&, columns, gamma, beta](index_t i, T const* in, T* out) {
    S const mean = detail::sum(in, columns) / S(columns);
    S const squares = detail::lane_sum<S>(columns, [=](index_t j) { return (S(in[j]) - mean) * (S(in[j]) - mean); });
    S const rstd = S(1) / std::sqrt(squares / S(columns) + S(a.eps));
#pragma omp simd
    for (index_t j = 0; j < columns; ++j) detail::round_to(out[j], (S(in[j]) - mean) * rstd * S(gamma[j]) + S(beta[j]));
    a.mean(i) = mean;
    a.rstd(i) = rstd;
  };
  detail::for_each_row(c, row, x, a.y);
}

template <cpu_element T>
void layer_norm_backward(context const& c, tensor_view<T const, 2, context> x,
                         layer_norm_backward_args<T, context> const& a) {
  using S = stat_t<T>;
  constexpr index_t most_blocks = 32;  // of rows, each with its sums of dgamma and dbeta: a function of n alone
  index_t const n = x.extent(0), columns = x.extent(1);
  if (n == 0 || columns == 0) return;
  index_t const per_block = (std::max)(index_t{16}, (n + most_blocks - 1) / most_blocks);
  index_t const blocks = (n + per_block - 1) / per_block;
  std::vector<S> partial(static_cast<std::size_t>(2 * blocks * columns), S(0));
  bool const accumulate = a.dx_mode == write_mode::accumulate;
  T const* const gamma = a.gamma.data_handle();

  auto const row = [&, gamma, columns, accumulate](index_t i, S* dgamma, S* dbeta) {
    T const *const in = x.data_handle() + i * x.stride(0), *const dy = a.dy.data_handle() + i * a.dy.stride(0);
    T* const dx = a.dx.data_handle() + i * a.dx.stride(0);
    S const mean = a.mean(i), rstd = a.rstd(i);
    auto const slope = [=](index_t j) { return S(dy[j]) * S(gamma[j]); };
    auto const normed = [=](index_t j) { return (S(in[j]) - mean) * rstd; };
    S const sum = detail::lane_sum<S>(columns, slope) / S(columns);
    S const dot = detail::lane_sum<S>(columns, [=](index_t j) { return slope(j) * normed(j); }) / S(columns);
#pragma omp simd
    for (index_t j = 0; j < columns; ++j) {
      S const xhat = normed(j), gradient = dy[j];
      dgamma[j] += gradient * xhat;
      dbeta[j] += gradient;
      S const value = rstd * (slope(j) - sum - xhat * dot);
      detail::round_to(dx[j], accumulate ? S(dx[j]) + value : value);
    }
  };
  detail::parallel_for(c, blocks, 1, [&](index_t begin, index_t end) {
    detail::simd_dispatch([&] {
      for (index_t block = begin; block < end; ++block) {
        S* const sums = partial.data() + 2 * block * columns;
        index_t const last = (std::min)(n, (block + 1) * per_block);
        for (index_t i = block * per_block; i < last; ++i) row(i, sums, sums + columns);
      }
    });
  });
  detail::simd_dispatch([&] {
    S *const dgamma = a.dgamma.data_handle(), *const dbeta = a.dbeta.data_handle();
    for (index_t block = 0; block < blocks; ++block) {
      S const* const sums = partial.data() + 2 * block * columns;
#pragma omp simd
      for (index_t j = 0; j < columns; ++j) {
        dgamma[j] += sums[j];
        dbeta[j] += sums[columns + j];
      }
    }
  });
}

}  // namespace scale::cpu
