// SPDX-License-Identifier: Apache-2.0
#pragma once
// Trilinear resizing on the CPU: rows are blended along t and h, then along w; channels over the threads.

#include <scale/cpu/detail/isa.hpp>
#include <scale/cpu/detail/parallel.hpp>
#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/trilinear_resize.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace scale::cpu {

namespace detail {

/// The two places that an output reads along one axis, and the second one's weight.
struct linear_tap {
  index_t low, high;
  float weight;
};

inline std::vector<linear_tap> linear_taps(index_t in, index_t out) {
  std::vector<linear_tap> taps(static_cast<std::size_t>(out));
  for (index_t i = 0; i < out; ++i) {
    double const position =
        (std::max)((static_cast<double>(i) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5, 0.0);
    index_t const low = (std::min)(static_cast<index_t>(position), in - 1);
    taps[static_cast<std::size_t>(i)] = {low, (std::min)(low + 1, in - 1),
                                         static_cast<float>(position - static_cast<double>(low))};
  }
  return taps;
}

/// f(large row's offset within a channel, four small rows' offsets, their weights) for every row of the output.
template <class F>
SCALE_ALWAYS_INLINE void for_each_blended_row(std::vector<linear_tap> const& t, std::vector<linear_tap> const& h,
                                              index_t in_rows, index_t in_columns, index_t out_columns, F const& f) {
  index_t to = 0;
  for (linear_tap const& a : t)
    for (linear_tap const& b : h) {
      index_t const from[4] = {(a.low * in_rows + b.low) * in_columns, (a.low * in_rows + b.high) * in_columns,
                               (a.high * in_rows + b.low) * in_columns, (a.high * in_rows + b.high) * in_columns};
      float const weight[4] = {(1 - a.weight) * (1 - b.weight), (1 - a.weight) * b.weight, a.weight * (1 - b.weight),
                               a.weight * b.weight};
      f(to, from, weight);
      to += out_columns;
    }
}

}  // namespace detail

template <cpu_element T>
void trilinear_resize_forward(context const& c, tensor_view<T const, 5, context> x,
                              trilinear_resize_forward_args<T, context> const& a) {
  if (a.y.size() == 0) return;
  index_t const rows = x.extent(3), columns = x.extent(4), out_columns = a.y.extent(4);
  index_t const in_places = x.extent(2) * rows * columns, out_places = a.y.extent(2) * a.y.extent(3) * out_columns;
  auto const t = detail::linear_taps(x.extent(2), a.y.extent(2)), h = detail::linear_taps(rows, a.y.extent(3));
  auto const w = detail::linear_taps(columns, out_columns);
  index_t const grain = detail::grain_for((in_places + out_places) * static_cast<index_t>(sizeof(T)));
  detail::parallel_for(c, x.extent(0) * x.extent(1), grain, [&](index_t begin, index_t end) {
    std::vector<float> blended_row(static_cast<std::size_t>(columns));
    float* const row = blended_row.data();
    detail::simd_dispatch([&] {
      for (index_t channel = begin; channel < end; ++channel) {
        T const* const in = x.data_handle() + channel * in_places;
        T* const out = a.y.data_handle() + channel * out_places;
        detail::for_each_blended_row(
            t, h, rows, columns, out_columns, [&](index_t to, index_t const* from, float const* weight) {
#pragma omp simd
              for (index_t j = 0; j < columns; ++j)
                row[j] = weight[0] * float(in[from[0] + j]) + weight[1] * float(in[from[1] + j]) +
                         weight[2] * float(in[from[2] + j]) + weight[3] * float(in[from[3] + j]);
              for (index_t j = 0; j < out_columns; ++j) {
                detail::linear_tap const& tap = w[static_cast<std::size_t>(j)];
                detail::round_to(out[to + j], (1 - tap.weight) * row[tap.low] + tap.weight * row[tap.high]);
              }
            });
      }
    });
  });
}

template <cpu_element T>
void trilinear_resize_backward(context const& c, tensor_view<T const, 5, context> dy,
                               trilinear_resize_backward_args<T, context> const& a) {
  if (a.dx.size() == 0) return;
  index_t const rows = a.dx.extent(3), columns = a.dx.extent(4), out_columns = dy.extent(4);
  index_t const in_places = a.dx.extent(2) * rows * columns, out_places = dy.extent(2) * dy.extent(3) * out_columns;
  auto const t = detail::linear_taps(a.dx.extent(2), dy.extent(2)), h = detail::linear_taps(rows, dy.extent(3));
  auto const w = detail::linear_taps(columns, out_columns);
  index_t const grain = detail::grain_for((in_places + out_places) * static_cast<index_t>(sizeof(T)));
  detail::parallel_for(c, dy.extent(0) * dy.extent(1), grain, [&](index_t begin, index_t end) {
    std::vector<float> summed_row(static_cast<std::size_t>(columns)), summed(static_cast<std::size_t>(in_places));
    float *const row = summed_row.data(), *const sums = summed.data();
    detail::simd_dispatch([&] {
      for (index_t channel = begin; channel < end; ++channel) {
        T const* const gradient = dy.data_handle() + channel * out_places;
        T* const dx = a.dx.data_handle() + channel * in_places;
        for (index_t j = 0; j < in_places; ++j) sums[j] = 0;
        detail::for_each_blended_row(t, h, rows, columns, out_columns,
                                     [&](index_t to, index_t const* from, float const* weight) {
                                       for (index_t j = 0; j < columns; ++j) row[j] = 0;
                                       for (index_t j = 0; j < out_columns; ++j) {
                                         detail::linear_tap const& tap = w[static_cast<std::size_t>(j)];
                                         row[tap.low] += (1 - tap.weight) * float(gradient[to + j]);
                                         row[tap.high] += tap.weight * float(gradient[to + j]);
                                       }
                                       for (int k = 0; k < 4; ++k) {
                                         float* const target = sums + from[k];
#pragma omp simd
                                         for (index_t j = 0; j < columns; ++j) target[j] += weight[k] * row[j];
                                       }
                                     });
#pragma omp simd
        for (index_t j = 0; j < in_places; ++j) detail::round_to(dx[j], sums[j]);
      }
    });
  });
}

}  // namespace scale::cpu
