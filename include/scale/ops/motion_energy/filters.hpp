// SPDX-License-Identifier: Apache-2.0
#pragma once
// The filter bank of motion_energy: separable Gabor pairs in space and in time, after Adelson and Bergen,
// "Spatiotemporal energy models for the perception of motion", JOSA A 2(2), 1985.

#include <scale/core/shape.hpp>

#include <cmath>

namespace scale {

/// Fixed sizes of the bank.
struct motion_energy_size {
  static constexpr int grid = 64;         // every frame is averaged onto grid x grid places
  static constexpr int scales = 3;        // the grid, half of it, a quarter of it
  static constexpr int speeds = 2;        // temporal frequencies: 1/8 and 1/4 cycles per frame
  static constexpr int orientations = 4;  // wave vector at 0, 45, 90, 135 degrees; x to the right, y down
  static constexpr int bins = 2;          // first and second half of the clip's time
  static constexpr int fine = 8;          // fine x fine places in which energies are summed at every scale
  static constexpr int reach = 4;         // a spatial filter has 2 * reach + 1 taps
  static constexpr int half_taps = 4;     // a temporal filter has 2 * half_taps taps, centred between two frames
};

/// Taps of one side of each filter; an even filter mirrors them, an odd one mirrors them with the other sign.
/// Spatial tap d stands at distance d, temporal tap j at distance j + 1/2. Even filters have no response to a
/// constant; every filter has gain 1 at its own frequency (a low pass at frequency 0).
struct motion_energy_filters {
  double low[motion_energy_size::reach + 1];
  double even[motion_energy_size::reach + 1], odd[motion_energy_size::reach + 1];
  double diagonal_even[motion_energy_size::reach + 1], diagonal_odd[motion_energy_size::reach + 1];
  double time_low[motion_energy_size::half_taps];
  double time_even[motion_energy_size::speeds][motion_energy_size::half_taps];
  double time_odd[motion_energy_size::speeds][motion_energy_size::half_taps];
};

namespace detail {

/// One side of a Gaussian of sum 1 over both sides, and of the Gabor pair at `frequency` (radians per sample).
/// The first tap stands at `first`; a tap at distance 0 exists once, the others twice.
inline void fill_gabor_pair(double* low, double* even, double* odd, int taps, double first, double sigma,
                            double frequency) {
  auto const at = [&](int i) { return first + i; };
  auto const count = [&](int i) { return at(i) == 0.0 ? 1.0 : 2.0; };
  double sum = 0;
  for (int i = 0; i < taps; ++i) sum += count(i) * (low[i] = std::exp(-at(i) * at(i) / (2 * sigma * sigma)));
  for (int i = 0; i < taps; ++i) low[i] /= sum;
  double constant = 0;
  for (int i = 0; i < taps; ++i) constant += count(i) * low[i] * std::cos(frequency * at(i));
  double even_gain = 0, odd_gain = 0;
  for (int i = 0; i < taps; ++i) {
    even[i] = low[i] * (std::cos(frequency * at(i)) - constant);
    odd[i] = low[i] * std::sin(frequency * at(i));
    even_gain += count(i) * even[i] * std::cos(frequency * at(i));
    odd_gain += count(i) * odd[i] * std::sin(frequency * at(i));
  }
  for (int i = 0; i < taps; ++i) {
    even[i] /= even_gain;
    odd[i] /= odd_gain;
  }
}

}  // namespace detail

/// The bank in double.
inline motion_energy_filters make_motion_energy_filters() {
  using size = motion_energy_size;
  constexpr double pi = 3.14159265358979323846;
  constexpr double wavelength = 6, sigma = 1.8, time_sigma = 1.75;  // places, places, frames
  motion_energy_filters f;
  detail::fill_gabor_pair(f.low, f.even, f.odd, size::reach + 1, 0, sigma, 2 * pi / wavelength);
  detail::fill_gabor_pair(f.low, f.diagonal_even, f.diagonal_odd, size::reach + 1, 0, sigma,
                          2 * pi / wavelength / std::sqrt(2.0));
  for (int speed = 0; speed < size::speeds; ++speed)
    detail::fill_gabor_pair(f.time_low, f.time_even[speed], f.time_odd[speed], size::half_taps, 0.5, time_sigma,
                            speed == 0 ? pi / 4 : pi / 2);
  return f;
}

/// The bank in the type of a computation.
template <class S>
struct motion_energy_taps {
  using size = motion_energy_size;
  S low[5], even[5], odd[5], diagonal_even[5], diagonal_odd[5];
  S time_low[4], time_even[size::speeds][4], time_odd[size::speeds][4];

  explicit motion_energy_taps(motion_energy_filters const& f) {
    static_assert(size::reach == 4 && size::half_taps == 4);
    for (int i = 0; i < 5; ++i) {
      low[i] = static_cast<S>(f.low[i]), even[i] = static_cast<S>(f.even[i]), odd[i] = static_cast<S>(f.odd[i]);
      diagonal_even[i] = static_cast<S>(f.diagonal_even[i]), diagonal_odd[i] = static_cast<S>(f.diagonal_odd[i]);
    }
    for (int i = 0; i < 4; ++i) {
      time_low[i] = static_cast<S>(f.time_low[i]);
      for (int v = 0; v < size::speeds; ++v) {
        time_even[v][i] = static_cast<S>(f.time_even[v][i]);
        time_odd[v][i] = static_cast<S>(f.time_odd[v][i]);
      }
    }
  }
};

/// Places in time at which energies are taken: between frames first and first + 1, then every `step` frames. The
/// places lie symmetrically in the clip; output j counts for bin 0 where j < half, for bin 1 where
/// j >= count - half: with an odd count the middle one counts for both.
struct motion_energy_times {
  index_t count, step, half;
};

inline motion_energy_times make_motion_energy_times(index_t frames) {
  index_t const step = frames >= 8 && frames % 2 == 0 ? 2 : 1;
  index_t const count = (frames - 2) / step + 1;
  return {count, step, (count + 1) / 2};
}

}  // namespace scale
