// SPDX-License-Identifier: Apache-2.0
#pragma once
// Step 5 of motion_energy, for backends: from sums over places to the clip's numbers. A small part of the time; plain
// loops.

#include <scale/core/config.hpp>
#include <scale/ops/motion_energy/filters.hpp>
#include <scale/ops/motion_energy/layout.hpp>

#include <cmath>

namespace scale::detail {

/// Sums of one scale, [bin][what][orientation][row][column]; what: opponent and motion energy of each speed, then
/// static energy.
template <class S>
struct motion_energy_cells {
  using size = motion_energy_size;
  static constexpr int quantities = 2 * size::speeds + 1;
  S sum[size::bins][quantities][size::orientations][size::fine][size::fine];
};

/// Energies of one region of the frame and of time: opponent and motion per speed and orientation, static.
template <class S>
struct motion_energy_region {
  using size = motion_energy_size;
  S opponent[size::speeds][size::orientations] = {}, motion[size::speeds][size::orientations] = {};
  S still[size::orientations] = {};
  S all_motion[size::speeds] = {}, all_still = 0;
  S floor = 0;  // the smallest energy that counts as one

  SCALE_HD void add(motion_energy_region const& r) {
    for (int o = 0; o < size::orientations; ++o) {
      for (int v = 0; v < size::speeds; ++v) {
        opponent[v][o] += r.opponent[v][o];
        motion[v][o] += r.motion[v][o];
      }
      still[o] += r.still[o];
    }
    for (int v = 0; v < size::speeds; ++v) all_motion[v] += r.all_motion[v];
    all_still += r.all_still;
    floor += r.floor;
  }

  SCALE_HD S directed(int v) const {
    return all_motion[v] + static_cast<S>(motion_energy_layout::still) * all_still + floor;
  }
  SCALE_HD S moving(int v) const { return std::sqrt(all_motion[v] / (all_motion[v] + all_still + floor)); }
};

/// The sums of bin b over a quarter of the frame.
template <class S>
SCALE_HD motion_energy_region<S> motion_energy_quarter(motion_energy_cells<S> const& cells, int b, int quarter,
                                                       S floor) {
  using size = motion_energy_size;
  constexpr int half = size::fine / 2;
  motion_energy_region<S> r;
  r.floor = floor;
  auto const total = [&](int q, int o) {
    S sum = 0;
    for (int y = quarter / 2 * half; y < (quarter / 2 + 1) * half; ++y)
      for (int x = quarter % 2 * half; x < (quarter % 2 + 1) * half; ++x) sum += cells.sum[b][q][o][y][x];
    return sum;
  };
  for (int o = 0; o < size::orientations; ++o) {
    for (int v = 0; v < size::speeds; ++v) {
      r.opponent[v][o] = total(2 * v, o);
      r.all_motion[v] += r.motion[v][o] = total(2 * v + 1, o);
    }
    r.all_still += r.still[o] = total(2 * size::speeds, o);
  }
  return r;
}

/// r / sqrt(|r| + squash)
template <class S>
SCALE_HD S motion_energy_squash(S r) {
  return r / std::sqrt(std::abs(r) + static_cast<S>(motion_energy_layout::squash));
}

/// Rotation and expansion of bin b about the centre of the scale's motion energy, for both speeds.
template <class S, class Put>
SCALE_HD void motion_energy_turning(motion_energy_cells<S> const& cells, int b, int scale, S floor, Put const& put) {
  using size = motion_energy_size;
  using layout = motion_energy_layout;
  constexpr int fine = size::fine;
  auto const over_orientations = [&](int q, int y, int x) {
    S sum = 0;
    for (int o = 0; o < size::orientations; ++o) sum += cells.sum[b][q][o][y][x];
    return sum;
  };
  S weight = 0, centre_x = 0, centre_y = 0;
  for (int y = 0; y < fine; ++y)
    for (int x = 0; x < fine; ++x) {
      S m = 0;
      for (int v = 0; v < size::speeds; ++v) m += over_orientations(2 * v + 1, y, x);
      weight += m;
      centre_x += m * (S(x) + S(0.5));
      centre_y += m * (S(y) + S(0.5));
    }
  centre_x = weight > S(0) ? centre_x / weight : S(fine) / S(2);
  centre_y = weight > S(0) ? centre_y / weight : S(fine) / S(2);
  S const diagonal = std::sqrt(S(0.5));
  for (int v = 0; v < size::speeds; ++v) {
    S rotation = 0, expansion = 0, norm = S(fine) / S(2) * floor;
    for (int y = 0; y < fine; ++y)
      for (int x = 0; x < fine; ++x) {
        S const rx = S(x) + S(0.5) - centre_x, ry = S(y) + S(0.5) - centre_y;
        auto const p = [&](int o) { return cells.sum[b][2 * v][o][y][x]; };
        S const vx = p(0) + diagonal * (p(1) - p(3)), vy = p(2) + diagonal * (p(1) + p(3));
        rotation += rx * vy - ry * vx;
        expansion += rx * vx + ry * vy;
        norm +=
            std::sqrt(rx * rx + ry * ry) * (over_orientations(2 * v + 1, y, x) +
                                            static_cast<S>(layout::still) * over_orientations(2 * size::speeds, y, x));
      }
    int const bank = scale * size::speeds + v;
    put(layout::turning + (bank * 2 + 0) * size::bins + b, motion_energy_squash(rotation / norm));
    put(layout::turning + (bank * 2 + 1) * size::bins + b, motion_energy_squash(expansion / norm));
  }
}

/// All numbers of one scale, each put; its share of pattern_share is added to `pattern`. `places`: places of the scale
/// times energies taken per bin.
template <class S, class Put>
SCALE_HD void motion_energy_ratios(motion_energy_cells<S> const& cells, int scale, S places, S (&pattern)[4],
                                   Put const& put) {
  using size = motion_energy_size;
  using layout = motion_energy_layout;
  S const floor = static_cast<S>(layout::eps) * places;
  motion_energy_region<S> everything, quarter[layout::cells];
  for (int b = 0; b < size::bins; ++b) {
    motion_energy_region<S> frame;
    for (int c = 0; c < layout::cells; ++c) {
      motion_energy_region<S> const part = motion_energy_quarter(cells, b, c, floor / S(layout::cells));
      quarter[c].add(part);
      frame.add(part);
    }
    for (int v = 0; v < size::speeds; ++v) {
      int const bank = scale * size::speeds + v;
      put(layout::motion + bank * size::bins + b, static_cast<S>(layout::motion_weight) * frame.moving(v));
      for (int o = 0; o < size::orientations; ++o)
        put(layout::opponent + (bank * size::orientations + o) * size::bins + b,
            motion_energy_squash(frame.opponent[v][o] / frame.directed(v)));
    }
    motion_energy_turning(cells, b, scale, floor, put);
    everything.add(frame);
  }
  for (int v = 0; v < size::speeds; ++v) {
    int const bank = scale * size::speeds + v;
    for (int o = 0; o < size::orientations; ++o) {
      put(layout::motion_share + bank * size::orientations + o,
          motion_energy_squash(everything.motion[v][o] / everything.directed(v)));
      for (int c = 0; c < layout::cells; ++c)
        put(layout::opponent_cell + (bank * size::orientations + o) * layout::cells + c,
            motion_energy_squash(quarter[c].opponent[v][o] / quarter[c].directed(v)));
    }
  }
  for (int o = 0; o < size::orientations; ++o)
    pattern[o] += static_cast<S>(layout::look_weight / size::scales) * everything.still[o] /
                  (everything.all_still + everything.floor);
}

}  // namespace scale::detail
