// SPDX-License-Identifier: Apache-2.0
#pragma once
// The position of a clip in its video, raw (pixels and frames) and normalised over all clips of the video
// (Sameni et al., ICCV 2023, section 3.2).

#include <scale/core/error.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <span>

namespace scale::video {

inline constexpr std::size_t position_width = 7;

/// [flip, h0, w0, h1, w1, t0, t1]: flip is +1 where flipped, else -1; corners in pixels, times in frames.
using position = std::array<double, position_width>;

/// Maps every axis to [0, 1] over the clips of one video: h -> (h - min h0) / (max h1 - min h0), and so w and t; flip
/// stays. An axis without extent becomes 0. raw and normalized are [n, 7], row-major, and may be the same memory.
/// Computed in double, rounded once.
template <std::floating_point T, std::floating_point U>
void normalize_positions(std::span<T const> raw, std::span<U> normalized, location at = location::current()) {
  expect(raw.size() % position_width == 0, "normalize_positions", "a row of raw has 7 numbers", at);
  expect(raw.size() == normalized.size(), "normalize_positions", "raw and normalized must have one size", at);
  std::size_t const n = raw.size() / position_width;
  if (n == 0) return;
  constexpr std::size_t low_column[3] = {1, 2, 5};
  constexpr std::size_t high_column[3] = {3, 4, 6};
  double low[3];
  double extent[3];
  for (std::size_t axis = 0; axis < 3; ++axis) {
    double least = static_cast<double>(raw[low_column[axis]]);
    double most = static_cast<double>(raw[high_column[axis]]);
    for (std::size_t row = 1; row < n; ++row) {
      least = (std::min)(least, static_cast<double>(raw[row * position_width + low_column[axis]]));
      most = (std::max)(most, static_cast<double>(raw[row * position_width + high_column[axis]]));
    }
    low[axis] = least;
    extent[axis] = most - least;
  }
  for (std::size_t row = 0; row < n; ++row) {
    std::size_t const base = row * position_width;
    normalized[base] = static_cast<U>(raw[base]);
    for (std::size_t axis = 0; axis < 3; ++axis) {
      for (std::size_t const column : {low_column[axis], high_column[axis]}) {
        double const distance = static_cast<double>(raw[base + column]) - low[axis];
        normalized[base + column] = extent[axis] > 0 ? static_cast<U>(distance / extent[axis]) : U(0);
      }
    }
  }
}

/// The same over a list of positions, written to [n, 7].
template <std::floating_point U>
void normalize_positions(std::span<position const> raw, std::span<U> normalized, location at = location::current()) {
  std::span<double const> const flat(raw.empty() ? nullptr : raw.front().data(), raw.size() * position_width);
  normalize_positions(flat, normalized, at);
}

}  // namespace scale::video
