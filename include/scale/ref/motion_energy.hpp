// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference motion energy: the five steps of the contract in plain loops, in stat_t<T>.

#include <scale/ops/motion_energy.hpp>
#include <scale/ref/context.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <vector>

namespace scale::ref {

namespace detail {

/// Sums over [bin][fine row][fine column] of the frame.
template <class S>
using motion_energy_map = std::array<std::array<std::array<S, 8>, 8>, 2>;

/// Sums of one scale: opponent and motion energy per speed and orientation, static energy per orientation.
template <class S>
struct motion_energy_sums {
  using size = motion_energy_size;
  motion_energy_map<S> opponent[size::speeds][size::orientations]{}, motion[size::speeds][size::orientations]{};
  motion_energy_map<S> still[size::orientations]{};
};

/// Planes [t, side, side] of one channel.
template <class S>
struct motion_energy_planes {
  index_t t, side;
  std::vector<S> values = std::vector<S>(static_cast<std::size_t>(t * side * side));

  S& at(index_t f, index_t y, index_t x) { return values[static_cast<std::size_t>((f * side + y) * side + x)]; }
  /// Edges repeated in time and space.
  S clamped(index_t f, index_t y, index_t x) {
    return at(std::clamp<index_t>(f, 0, t - 1), std::clamp<index_t>(y, 0, side - 1),
              std::clamp<index_t>(x, 0, side - 1));
  }
};

/// Length of [i, i + 1) that output place o of `places` covers, of a line of `length` pixels.
inline double motion_energy_cover(index_t o, index_t places, index_t length, index_t i) {
  double const scale = static_cast<double>(length) / static_cast<double>(places);
  double const low = (std::max)(static_cast<double>(o) * scale, static_cast<double>(i));
  double const high = (std::min)(static_cast<double>(o + 1) * scale, static_cast<double>(i + 1));
  return (std::max)(high - low, 0.0) / scale;
}

/// Step 1: channel `channel` of clip `clip`, averaged by area.
template <class S, class T>
motion_energy_planes<S> motion_energy_average(tensor_view<T const, 5, context> x, index_t clip, index_t channel) {
  index_t const t = x.extent(2), h = x.extent(3), w = x.extent(4), side = motion_energy_size::grid;
  motion_energy_planes<S> out{t, side};
  for (index_t f = 0; f < t; ++f)
    for (index_t oy = 0; oy < side; ++oy)
      for (index_t ox = 0; ox < side; ++ox) {
        S sum = 0;
        for (index_t y = oy * h / side; y < (std::min)(h, (oy + 1) * h / side + 1); ++y)
          for (index_t v = ox * w / side; v < (std::min)(w, (ox + 1) * w / side + 1); ++v)
            sum += S(motion_energy_cover(oy, side, h, y) * motion_energy_cover(ox, side, w, v)) *
                   S(x(clip, channel, f, y, v));
        out.at(f, oy, ox) = sum;
      }
  return out;
}

template <class S>
motion_energy_planes<S> motion_energy_halve(motion_energy_planes<S>& in) {
  motion_energy_planes<S> out{in.t, in.side / 2};
  for (index_t f = 0; f < out.t; ++f)
    for (index_t y = 0; y < out.side; ++y)
      for (index_t x = 0; x < out.side; ++x)
        out.at(f, y, x) = (in.at(f, 2 * y, 2 * x) + in.at(f, 2 * y, 2 * x + 1) + in.at(f, 2 * y + 1, 2 * x) +
                           in.at(f, 2 * y + 1, 2 * x + 1)) /
                          S(4);
  return out;
}

/// Spatial filter of orientation o at offset (dy, dx): a product of a row and a column filter.
template <class S>
std::complex<S> motion_energy_tap(motion_energy_filters const& f, int o, int dy, int dx) {
  auto const gabor = [](double const* even, double const* odd, int d) {
    return std::complex<S>(S(even[std::abs(d)]), S(d < 0 ? -odd[-d] : odd[d]));
  };
  S const low_x = S(f.low[std::abs(dx)]), low_y = S(f.low[std::abs(dy)]);
  if (o == 0) return gabor(f.even, f.odd, dx) * low_y;
  if (o == 2) return gabor(f.even, f.odd, dy) * low_x;
  std::complex<S> const along_x = gabor(f.diagonal_even, f.diagonal_odd, dx);
  return gabor(f.diagonal_even, f.diagonal_odd, dy) * (o == 1 ? along_x : std::conj(along_x));
}

/// Steps 2 to 4 for one scale.
template <class S>
motion_energy_sums<S> motion_energy_sum(motion_energy_planes<S>& luma, motion_energy_filters const& filters) {
  using size = motion_energy_size;
  constexpr int reach = size::reach;
  index_t const side = luma.side, fine = side / size::fine;
  motion_energy_times const times = make_motion_energy_times(luma.t);
  motion_energy_sums<S> sums;
  for (int o = 0; o < size::orientations; ++o) {
    motion_energy_planes<std::complex<S>> response{luma.t, side};
    for (index_t f = 0; f < luma.t; ++f)
      for (index_t y = 0; y < side; ++y)
        for (index_t x = 0; x < side; ++x) {
          std::complex<S> sum{};
          for (int dy = -reach; dy <= reach; ++dy)
            for (int dx = -reach; dx <= reach; ++dx)
              sum += motion_energy_tap<S>(filters, o, dy, dx) * luma.clamped(f, y + dy, x + dx);
          response.at(f, y, x) = sum;
        }
    for (index_t j = 0; j < times.count; ++j)
      for (index_t y = 0; y < side; ++y)
        for (index_t x = 0; x < side; ++x) {
          auto const add = [&](motion_energy_map<S>& map, S value) {
            auto const row = static_cast<std::size_t>(y / fine), column = static_cast<std::size_t>(x / fine);
            if (j < times.half) map[0][row][column] += value;
            if (j >= times.count - times.half) map[1][row][column] += value;
          };
          std::complex<S> low{}, even[size::speeds]{}, odd[size::speeds]{};
          for (int i = 0; i < size::half_taps; ++i) {
            std::complex<S> const before = response.clamped(j * times.step - i, y, x);
            std::complex<S> const after = response.clamped(j * times.step + 1 + i, y, x);
            low += S(filters.time_low[i]) * (after + before);
            for (int v = 0; v < size::speeds; ++v) {
              even[v] += S(filters.time_even[v][i]) * (after + before);
              odd[v] += S(filters.time_odd[v][i]) * (after - before);
            }
          }
          add(sums.still[o], S(2) * std::norm(low));
          for (int v = 0; v < size::speeds; ++v) {
            add(sums.motion[v][o], std::norm(even[v]) + std::norm(odd[v]));
            add(sums.opponent[v][o], S(2) * (std::conj(even[v]) * odd[v]).imag());
          }
        }
  }
  return sums;
}

/// Sum of a map over rows [y0, y1) and columns [x0, x1) in bins [b0, b1).
template <class S>
S motion_energy_total(motion_energy_map<S> const& map, std::size_t y0, std::size_t y1, std::size_t x0, std::size_t x1,
                      std::size_t b0, std::size_t b1) {
  S sum = 0;
  for (std::size_t b = b0; b < b1; ++b)
    for (std::size_t y = y0; y < y1; ++y)
      for (std::size_t x = x0; x < x1; ++x) sum += map[b][y][x];
  return sum;
}

/// r / sqrt(|r| + squash)
template <class S>
S motion_energy_squash(S r) {
  return r / std::sqrt(std::abs(r) + S(motion_energy_layout::squash));
}

/// Step 5 for one scale; `add` adds to a number.
template <class S, class Add>
void motion_energy_ratios(motion_energy_sums<S> const& sums, int scale, index_t side, index_t outputs, Add const& add) {
  using size = motion_energy_size;
  using layout = motion_energy_layout;
  S const still_weight = S(layout::still);
  for (int v = 0; v < size::speeds; ++v) {
    int const bank = scale * size::speeds + v;
    // a region: bins [b0, b1), a quarter of the frame or (cell < 0) all of it
    auto const region = [&](auto const& maps, int o, int cell, std::size_t b0, std::size_t b1) {
      std::size_t const y = cell < 0 ? 0 : static_cast<std::size_t>(cell / 2) * 4, y1 = cell < 0 ? 8 : y + 4;
      std::size_t const x = cell < 0 ? 0 : static_cast<std::size_t>(cell % 2) * 4, x1 = cell < 0 ? 8 : x + 4;
      return motion_energy_total(maps[o], y, y1, x, x1, b0, b1);
    };
    auto const all = [&](auto const& maps, int cell, std::size_t b0, std::size_t b1) {
      S sum = 0;
      for (int o = 0; o < size::orientations; ++o) sum += region(maps, o, cell, b0, b1);
      return sum;
    };
    auto const floor = [&](int cell, std::size_t bins) {
      return S(layout::eps) * S(side * side * outputs) * S(bins) / (cell < 0 ? S(1) : S(4));
    };
    auto const directed = [&](int cell, std::size_t b0, std::size_t b1) {
      return all(sums.motion[v], cell, b0, b1) + still_weight * all(sums.still, cell, b0, b1) + floor(cell, b1 - b0);
    };
    auto const moving = [&](int cell, std::size_t b0, std::size_t b1) {
      S const m = all(sums.motion[v], cell, b0, b1);
      return std::sqrt(m / (m + all(sums.still, cell, b0, b1) + floor(cell, b1 - b0)));
    };
    for (int b = 0; b < size::bins; ++b) {
      std::size_t const b0 = static_cast<std::size_t>(b);
      for (int o = 0; o < size::orientations; ++o)
        add(layout::opponent + (bank * size::orientations + o) * size::bins + b,
            motion_energy_squash(region(sums.opponent[v], o, -1, b0, b0 + 1) / directed(-1, b0, b0 + 1)));
      add(layout::motion + bank * size::bins + b, S(layout::motion_weight) * moving(-1, b0, b0 + 1));
    }
    for (int c = 0; c < layout::cells; ++c) {
      for (int o = 0; o < size::orientations; ++o)
        add(layout::opponent_cell + (bank * size::orientations + o) * layout::cells + c,
            motion_energy_squash(region(sums.opponent[v], o, c, 0, 2) / directed(c, 0, 2)));
    }
    for (int o = 0; o < size::orientations; ++o)
      add(layout::motion_share + bank * size::orientations + o,
          motion_energy_squash(region(sums.motion[v], o, -1, 0, 2) / directed(-1, 0, 2)));
    // rotation and expansion about the centre of this scale's motion energy
    for (std::size_t b = 0; b < 2; ++b) {
      S weight = 0, centre_x = 0, centre_y = 0;
      for (std::size_t y = 0; y < 8; ++y)
        for (std::size_t x = 0; x < 8; ++x)
          for (int u = 0; u < size::speeds; ++u)
            for (int o = 0; o < size::orientations; ++o) {
              S const m = sums.motion[u][o][b][y][x];
              weight += m;
              centre_x += m * (S(x) + S(0.5));
              centre_y += m * (S(y) + S(0.5));
            }
      centre_x = weight > S(0) ? centre_x / weight : S(4);
      centre_y = weight > S(0) ? centre_y / weight : S(4);
      S rotation = 0, expansion = 0, norm = S(4) * floor(-1, 1);
      for (std::size_t y = 0; y < 8; ++y)
        for (std::size_t x = 0; x < 8; ++x) {
          S const rx = S(x) + S(0.5) - centre_x, ry = S(y) + S(0.5) - centre_y;
          S const r = std::sqrt(rx * rx + ry * ry), diagonal = std::sqrt(S(0.5));
          auto const& p = sums.opponent[v];
          S const vx = p[0][b][y][x] + diagonal * (p[1][b][y][x] - p[3][b][y][x]);
          S const vy = p[2][b][y][x] + diagonal * (p[1][b][y][x] + p[3][b][y][x]);
          rotation += rx * vy - ry * vx;
          expansion += rx * vx + ry * vy;
          for (int o = 0; o < size::orientations; ++o)
            norm += r * (sums.motion[v][o][b][y][x] + still_weight * sums.still[o][b][y][x]);
        }
      add(layout::turning + (bank * 2 + 0) * size::bins + static_cast<int>(b), motion_energy_squash(rotation / norm));
      add(layout::turning + (bank * 2 + 1) * size::bins + static_cast<int>(b), motion_energy_squash(expansion / norm));
    }
  }
  S pattern = S(layout::eps) * S(side * side * outputs) * S(2);
  for (auto const& map : sums.still) pattern += motion_energy_total(map, 0, 8, 0, 8, 0, 2);
  for (int o = 0; o < size::orientations; ++o)
    add(layout::pattern_share + o,
        S(layout::look_weight) / S(size::scales) * motion_energy_total(sums.still[o], 0, 8, 0, 8, 0, 2) / pattern);
}

/// Mean and standard deviation of all of a channel.
template <class S>
struct motion_energy_moments {
  S mean = 0, deviation = 0;

  explicit motion_energy_moments(motion_energy_planes<S> const& p) {
    S const count = S(p.values.size());
    for (S const value : p.values) mean += value;
    mean /= count;
    for (S const value : p.values) deviation += (value - mean) * (value - mean);
    deviation = std::sqrt(deviation / count);
  }
};

}  // namespace detail

template <floating T>
void motion_energy(context const&, tensor_view<T const, 5, context> x, motion_energy_args<T, context> const& a) {
  using S = stat_t<T>;
  using size = motion_energy_size;
  using layout = motion_energy_layout;
  motion_energy_filters const filters = make_motion_energy_filters();
  index_t const t = x.extent(2), side = size::grid;
  S const weight = S(layout::look_weight);
  for (index_t clip = 0; clip < x.extent(0); ++clip) {
    std::array<S, static_cast<std::size_t>(layout::width)> number{};
    auto const add = [&](int index, S value) { number[static_cast<std::size_t>(index)] += value; };
    auto red = detail::motion_energy_average<S>(x, clip, 0);
    auto green = detail::motion_energy_average<S>(x, clip, 1);
    auto blue = detail::motion_energy_average<S>(x, clip, 2);
    detail::motion_energy_planes<S> luma{t, side}, red_green{t, side}, blue_yellow{t, side};
    for (std::size_t i = 0; i < luma.values.size(); ++i) {
      S const r = red.values[i], g = green.values[i], b = blue.values[i];
      luma.values[i] = S(0.299) * r + S(0.587) * g + S(0.114) * b;
      red_green.values[i] = r - g;
      blue_yellow.values[i] = b - (r + g) / S(2);
    }
    detail::motion_energy_moments<S> const grey(luma), rg(red_green), by(blue_yellow);
    add(layout::colour, weight * rg.mean);
    add(layout::colour + 1, weight * by.mean);
    add(layout::colour_spread, weight * rg.deviation);
    add(layout::colour_spread + 1, weight * by.deviation);
    add(layout::contrast, weight * grey.deviation);
    index_t const pairs = t - 1, pairs_per_bin = (pairs + 1) / 2;
    for (int b = 0; b < size::bins; ++b) {
      index_t const first = b == 0 ? 0 : pairs - pairs_per_bin;
      S sum = 0;
      for (index_t f = first; f < first + pairs_per_bin; ++f)
        for (index_t y = 0; y < side; ++y)
          for (index_t v = 0; v < side; ++v) sum += std::abs(luma.at(f + 1, y, v) - luma.at(f, y, v));
      add(layout::change + b, weight * sum / S(pairs_per_bin * side * side) / (grey.deviation + S(1e-3)));
    }
    index_t const outputs = make_motion_energy_times(t).half;
    for (int scale = 0; scale < size::scales; ++scale) {
      detail::motion_energy_ratios(detail::motion_energy_sum(luma, filters), scale, luma.side, outputs, add);
      if (scale + 1 < size::scales) luma = detail::motion_energy_halve(luma);
    }
    for (int i = 0; i < layout::width; ++i) a.y(clip, i) = T(number[static_cast<std::size_t>(i)]);
  }
}

}  // namespace scale::ref
