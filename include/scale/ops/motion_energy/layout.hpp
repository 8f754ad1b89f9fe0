// SPDX-License-Identifier: Apache-2.0
#pragma once
// What each of the numbers of motion_energy means: kinds one after another, indices of a kind in row-major order.

#include <scale/ops/motion_energy/filters.hpp>

namespace scale {

/// Sums run over the places and times of a region; o is an orientation. P is opponent energy (motion along the wave
/// vector minus motion against it), M motion energy (their sum), Z static energy. Every ratio's denominator also has
/// eps = 1e-6 per place and time, the energy of a thousandth of full range. squash(r) = r / sqrt(|r| + 0.01) brings out
/// the direction of what is small in the frame. The look of a clip has few numbers and a weight of 1/4: directions of
/// motion must decide which clips are near each other.
enum class motion_energy_kind {
  opponent,       // squash(P_o / (sum M + still sum Z)), whole frame: [scale, speed, orientation, bin]
  opponent_cell,  // the same in a quarter of the frame, whole time: [scale, speed, orientation, cell]
  turning,  // squash of rotation (which = 0, clockwise on the screen) and expansion (1) about the centre of motion:
            // [scale, speed, which, bin]
  motion,   // 1/2 sqrt(sum M / (sum M + sum Z)), 0 where nothing moves: [scale, speed, bin]
  motion_share,   // squash(M_o / (sum M + still sum Z)): [scale, speed, orientation]
  pattern_share,  // 1/4 mean over the scales of Z_o / sum Z: [orientation]
  colour,         // 1/4 mean of an opponent colour, R - G or B - (R + G) / 2: [which]
  colour_spread,  // 1/4 its standard deviation over the clip: [which]
  contrast,       // 1/4 standard deviation of luma: one number
  change,         // 1/4 mean absolute difference of neighbouring frames' luma, over luma's standard deviation + 0.001:
                  // [bin]
};

/// One number: its kind and its indices; -1 where the kind has no such index. `cell` 0 to 3: upper left, upper right,
/// lower left, lower right. `which` as in the kind's comment.
struct motion_energy_number {
  motion_energy_kind kind{};
  int scale = -1, speed = -1, orientation = -1, which = -1, cell = -1, bin = -1;
};

/// Where each kind begins, and the constants of the formulas. `still` weighs static energy in the denominators of
/// directions: it keeps noise from looking like motion, while a small moving thing before a still background counts.
struct motion_energy_layout {
  using size = motion_energy_size;
  static constexpr int cells = 4;
  static constexpr double still = 0.05, eps = 1e-6, squash = 0.01, motion_weight = 0.5, look_weight = 0.25;
  static constexpr int banks = size::scales * size::speeds;

  static constexpr int opponent = 0;
  static constexpr int opponent_cell = opponent + banks * size::orientations * size::bins;
  static constexpr int turning = opponent_cell + banks * size::orientations * cells;
  static constexpr int motion = turning + banks * 2 * size::bins;
  static constexpr int motion_share = motion + banks * size::bins;
  static constexpr int pattern_share = motion_share + banks * size::orientations;
  static constexpr int colour = pattern_share + size::orientations;
  static constexpr int colour_spread = colour + 2;
  static constexpr int contrast = colour_spread + 2;
  static constexpr int change = contrast + 1;
  static constexpr int width = change + size::bins;
};

/// Numbers per clip.
inline constexpr index_t motion_energy_width = motion_energy_layout::width;

/// The meaning of number `index` in [0, motion_energy_width). Throws argument_error elsewhere.
inline motion_energy_number describe_motion_energy(int index, location at = location::current()) {
  using layout = motion_energy_layout;
  using size = motion_energy_size;
  using kind = motion_energy_kind;
  expect(index >= 0 && index < layout::width, "describe_motion_energy", "index outside [0, motion_energy_width)", at);
  int rest = 0;
  auto const in = [&](int begin) {
    rest = index - begin;
    return rest >= 0;
  };
  auto const take = [&rest](int extent) {  // the innermost index still in `rest`
    int const i = rest % extent;
    rest /= extent;
    return i;
  };
  motion_energy_number n;
  if (in(layout::change)) {
    n.kind = kind::change, n.bin = take(size::bins);
  } else if (in(layout::contrast)) {
    n.kind = kind::contrast;
  } else if (in(layout::colour_spread)) {
    n.kind = kind::colour_spread, n.which = take(2);
  } else if (in(layout::colour)) {
    n.kind = kind::colour, n.which = take(2);
  } else if (in(layout::pattern_share)) {
    n.kind = kind::pattern_share, n.orientation = take(size::orientations);
  } else {
    if (in(layout::motion_share)) {
      n.kind = kind::motion_share, n.orientation = take(size::orientations);
    } else if (in(layout::motion)) {
      n.kind = kind::motion, n.bin = take(size::bins);
    } else if (in(layout::turning)) {
      n.kind = kind::turning, n.bin = take(size::bins), n.which = take(2);
    } else if (in(layout::opponent_cell)) {
      n.kind = kind::opponent_cell, n.cell = take(layout::cells), n.orientation = take(size::orientations);
    } else {
      in(layout::opponent);
      n.kind = kind::opponent, n.bin = take(size::bins), n.orientation = take(size::orientations);
    }
    n.speed = take(size::speeds);
    n.scale = take(size::scales);
  }
  return n;
}

}  // namespace scale
