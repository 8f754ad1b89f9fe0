// SPDX-License-Identifier: Apache-2.0
#pragma once
// Colour, contrast and change of motion_energy. A small part of the time; plain loops.

#include <scale/cpu/detail/motion_energy_kernel.hpp>

#include <cmath>

namespace scale::cpu::detail {

/// Sum of f(i), i from begin to begin + count, in double; count is a multiple of 4.
template <class F>
double motion_energy_line(index_t begin, index_t count, F const& f) {
  double sum[4] = {};
  for (index_t i = 0; i < count; i += 4)
    for (int k = 0; k < 4; ++k) sum[k] += f(begin + i + k);
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/// Colour, contrast and change, from the planes of step 1.
template <class S, class Put>
void motion_energy_look(motion_energy_scratch<S> const& s, index_t t, Put const& put) {
  using size = motion_energy_size;
  using layout = motion_energy_layout;
  constexpr index_t plane = size::grid * size::grid;
  struct moments {
    double mean, deviation;
  };
  auto const measure = [count = t * plane](S const* p) {
    double const offset = static_cast<double>(p[0]);  // keeps squares small where values hardly vary
    double const n = static_cast<double>(count);
    double const mean = motion_energy_line(0, count, [&](index_t i) { return static_cast<double>(p[i]) - offset; }) / n;
    double const square = motion_energy_line(0, count,
                                             [&](index_t i) {
                                               double const d = static_cast<double>(p[i]) - offset;
                                               return d * d;
                                             }) /
                          n;
    return moments{mean + offset, std::sqrt((std::max)(square - mean * mean, 0.0))};
  };
  moments const luma = measure(s.luma), red_green = measure(s.red_green), blue_yellow = measure(s.blue_yellow);
  auto const put_weighted = [&](int index, double value) { put(index, static_cast<S>(layout::look_weight * value)); };
  put_weighted(layout::colour, red_green.mean);
  put_weighted(layout::colour + 1, blue_yellow.mean);
  put_weighted(layout::colour_spread, red_green.deviation);
  put_weighted(layout::colour_spread + 1, blue_yellow.deviation);
  put_weighted(layout::contrast, luma.deviation);
  index_t const pairs = t - 1, per_bin = (pairs + 1) / 2;
  double change[2] = {};
  for (index_t f = 0; f < pairs; ++f) {
    double const sum = motion_energy_line(
        f * plane, plane, [&](index_t i) { return static_cast<double>(std::abs(s.luma[i + plane] - s.luma[i])); });
    if (f < per_bin) change[0] += sum;
    if (f >= pairs - per_bin) change[1] += sum;
  }
  for (int b = 0; b < size::bins; ++b)
    put_weighted(layout::change + b, change[b] / static_cast<double>(per_bin * plane) / (luma.deviation + 1e-3));
}

}  // namespace scale::cpu::detail
