// SPDX-License-Identifier: Apache-2.0
#pragma once
// Steps 1 to 4 of motion_energy on one clip: everything inlined, so that each caller compiles it for its own
// instruction set; `Lanes` numbers are worked on at once.

#include <scale/ops/motion_energy.hpp>
#include <scale/ops/motion_energy/ratios.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace scale::cpu::detail {

using scale::detail::motion_energy_cells;
using scale::detail::motion_energy_ratios;

template <class S, int Lanes>
struct motion_energy_vector {
  typedef S type __attribute__((vector_size(Lanes * sizeof(S))));
};

/// Loads Lanes elements, converted to S.
template <class S, int Lanes, class T>
SCALE_ALWAYS_INLINE void load_lanes(typename motion_energy_vector<S, Lanes>::type& v, T const* p) {
  if constexpr (std::is_same_v<S, T>) {
    std::memcpy(&v, p, sizeof v);
  } else {
    typename motion_energy_vector<S, Lanes>::type converted = {};
    for (int i = 0; i < Lanes; ++i) converted[i] = S(p[i]);
    v = converted;
  }
}

template <class V, class S>
SCALE_ALWAYS_INLINE void store_lanes(S* p, V const& v) {
  std::memcpy(p, &v, sizeof v);
}

/// What a clip's computation works on. Pointers into the caller's workspace; planes are [t, grid, grid].
template <class S>
struct motion_energy_scratch {
  using size = motion_energy_size;
  S *luma, *red_green, *blue_yellow;
  S* filtered;   // [t, 5, side, side]: rows through low pass, Gabor pair, diagonal Gabor pair
  S* responses;  // [orientation, re / im, t, side]: one row of places
  S* row;        // [3, w]
  S* weights;    // [<= w + 2 grid]

  motion_energy_scratch(S* p, index_t t, index_t w) {
    index_t const plane = t * size::grid * size::grid;
    auto const take = [&p](index_t n) {
      S* const q = p;
      p += n;
      return q;
    };
    luma = take(plane), red_green = take(plane), blue_yellow = take(plane), filtered = take(5 * plane);
    responses = take(8 * t * size::grid);
    row = take(3 * w), weights = take(w + 2 * size::grid);
  }
};

/// First pixel of the ones that place o of `grid` covers on a line of `length`, and one past the last.
struct motion_energy_span {
  index_t begin, end;

  SCALE_ALWAYS_INLINE motion_energy_span(index_t o, index_t length)
      : begin(o * length / motion_energy_size::grid),
        end(((o + 1) * length + motion_energy_size::grid - 1) / motion_energy_size::grid) {}

  /// Share of pixel i in place o.
  static SCALE_ALWAYS_INLINE double weight(index_t o, index_t length, index_t i) {
    index_t constexpr grid = motion_energy_size::grid;
    index_t const low = (std::max)(o * length, i * grid), high = (std::min)((o + 1) * length, (i + 1) * grid);
    return static_cast<double>(high - low) / static_cast<double>(length);
  }
};

/// Step 1: clip [3, t, h, w] to luma and two opponent colours.
template <class S, int Lanes, class T>
SCALE_ALWAYS_INLINE void motion_energy_average(T const* clip, index_t t, index_t h, index_t w,
                                               motion_energy_scratch<S> const& s) {
  using vec = typename motion_energy_vector<S, Lanes>::type;
  constexpr index_t grid = motion_energy_size::grid;
  S* weight = s.weights;
  for (index_t o = 0; o < grid; ++o)
    for (motion_energy_span span(o, w); span.begin < span.end; ++span.begin)
      *weight++ = static_cast<S>(motion_energy_span::weight(o, w, span.begin));
  for (index_t f = 0; f < t; ++f) {
    for (index_t oy = 0; oy < grid; ++oy) {
      motion_energy_span const rows(oy, h);
      for (index_t c = 0; c < 3; ++c) {
        T const* const in = clip + (c * t + f) * h * w;
        S* const out = s.row + c * w;
        index_t x = 0;
        for (; x + Lanes <= w; x += Lanes) {
          vec sum = {}, v;
          for (index_t y = rows.begin; y < rows.end; ++y) {
            load_lanes<S, Lanes>(v, in + y * w + x);
            sum += v * static_cast<S>(motion_energy_span::weight(oy, h, y));
          }
          store_lanes(out + x, sum);
        }
        for (; x < w; ++x) {
          S sum = 0;
          for (index_t y = rows.begin; y < rows.end; ++y)
            sum += S(in[y * w + x]) * static_cast<S>(motion_energy_span::weight(oy, h, y));
          out[x] = sum;
        }
      }
      weight = s.weights;
      index_t const place = (f * grid + oy) * grid;
      for (index_t ox = 0; ox < grid; ++ox) {
        motion_energy_span const columns(ox, w);
        S r = 0, g = 0, b = 0;
        for (index_t x = columns.begin; x < columns.end; ++x) {
          S const share = *weight++;
          r += share * s.row[x];
          g += share * s.row[w + x];
          b += share * s.row[2 * w + x];
        }
        s.luma[place + ox] = S(0.299) * r + S(0.587) * g + S(0.114) * b;
        s.red_green[place + ox] = r - g;
        s.blue_yellow[place + ox] = b - (r + g) * S(0.5);
      }
    }
  }
}

/// 2 x 2 means of luma [t, side, side], in place.
template <class S>
SCALE_ALWAYS_INLINE void motion_energy_halve(S* luma, index_t t, index_t side) {
  S* out = luma;
  for (index_t y = 0; y < t * side; y += 2)
    for (index_t x = 0; x < side; x += 2) {
      S const* const p = luma + y * side + x;
      *out++ = (p[0] + p[1] + p[side] + p[side + 1]) * S(0.25);
    }
}

/// Rows of luma through the low pass and both Gabor pairs.
template <class S, int Lanes>
SCALE_ALWAYS_INLINE void motion_energy_rows(motion_energy_scratch<S> const& s, index_t t, index_t side,
                                            motion_energy_taps<S> const& k) {
  using vec = typename motion_energy_vector<S, Lanes>::type;
  S padded[motion_energy_size::grid + 8];
  index_t const plane = side * side;
  for (index_t f = 0; f < t; ++f)
    for (index_t y = 0; y < side; ++y) {
      S const* const in = s.luma + (f * side + y) * side;
      std::memcpy(padded + 4, in, static_cast<std::size_t>(side) * sizeof(S));
      for (index_t i = 0; i < 4; ++i) padded[i] = in[0], padded[4 + side + i] = in[side - 1];
      S* const out = s.filtered + f * 5 * plane + y * side;
      for (index_t x = 0; x < side; x += Lanes) {
        vec before, after;
        load_lanes<S, Lanes>(before, padded + 4 + x);
        vec low = before * k.low[0], even = before * k.even[0], diagonal_even = before * k.diagonal_even[0];
        vec odd = {}, diagonal_odd = {};
        for (int d = 1; d <= 4; ++d) {
          load_lanes<S, Lanes>(before, padded + 4 + x - d);
          load_lanes<S, Lanes>(after, padded + 4 + x + d);
          vec const sum = after + before, difference = after - before;
          low += sum * k.low[d];
          even += sum * k.even[d];
          odd += difference * k.odd[d];
          diagonal_even += sum * k.diagonal_even[d];
          diagonal_odd += difference * k.diagonal_odd[d];
        }
        store_lanes(out + x, low);
        store_lanes(out + plane + x, even);
        store_lanes(out + 2 * plane + x, odd);
        store_lanes(out + 3 * plane + x, diagonal_even);
        store_lanes(out + 4 * plane + x, diagonal_odd);
      }
    }
}

/// Column filters at row y of every frame: responses [orientation][re / im][t][side].
template <class S, int Lanes>
SCALE_ALWAYS_INLINE void motion_energy_columns(motion_energy_scratch<S> const& s, index_t t, index_t side, index_t y,
                                               motion_energy_taps<S> const& k) {
  using vec = typename motion_energy_vector<S, Lanes>::type;
  index_t const plane = side * side, step = t * side;
  for (index_t f = 0; f < t; ++f) {
    S const* const in = s.filtered + f * 5 * plane;
    S* const out = s.responses + f * side;
    for (index_t x = 0; x < side; x += Lanes) {
      S const* p = in + y * side + x;
      vec v;
      load_lanes<S, Lanes>(v, p);
      vec upright = v * k.even[0], upright_odd = {};
      load_lanes<S, Lanes>(v, p + plane);
      vec across = v * k.low[0];
      load_lanes<S, Lanes>(v, p + 2 * plane);
      vec across_odd = v * k.low[0];
      load_lanes<S, Lanes>(v, p + 3 * plane);
      vec even_even = v * k.diagonal_even[0], even_odd = {};  // first word: along y, second: along x
      vec odd_even = {}, odd_odd = {};
      load_lanes<S, Lanes>(v, p + 4 * plane);
      even_odd = v * k.diagonal_even[0];
      for (int d = 1; d <= 4; ++d) {
        S const* const above = in + (std::max)(y - d, index_t{0}) * side + x;
        S const* const below = in + (std::min)(y + d, side - 1) * side + x;
        vec a, b;
        load_lanes<S, Lanes>(a, above);
        load_lanes<S, Lanes>(b, below);
        upright += (b + a) * k.even[d];
        upright_odd += (b - a) * k.odd[d];
        load_lanes<S, Lanes>(a, above + plane);
        load_lanes<S, Lanes>(b, below + plane);
        across += (b + a) * k.low[d];
        load_lanes<S, Lanes>(a, above + 2 * plane);
        load_lanes<S, Lanes>(b, below + 2 * plane);
        across_odd += (b + a) * k.low[d];
        load_lanes<S, Lanes>(a, above + 3 * plane);
        load_lanes<S, Lanes>(b, below + 3 * plane);
        even_even += (b + a) * k.diagonal_even[d];
        odd_even += (b - a) * k.diagonal_odd[d];
        load_lanes<S, Lanes>(a, above + 4 * plane);
        load_lanes<S, Lanes>(b, below + 4 * plane);
        even_odd += (b + a) * k.diagonal_even[d];
        odd_odd += (b - a) * k.diagonal_odd[d];
      }
      store_lanes(out + x, across);
      store_lanes(out + step + x, across_odd);
      store_lanes(out + 2 * step + x, vec(even_even - odd_odd));
      store_lanes(out + 3 * step + x, vec(even_odd + odd_even));
      store_lanes(out + 4 * step + x, upright);
      store_lanes(out + 5 * step + x, upright_odd);
      store_lanes(out + 6 * step + x, vec(even_even + odd_odd));
      store_lanes(out + 7 * step + x, vec(odd_even - even_odd));
    }
  }
}

/// Temporal filters over one row of responses; energies are added to `sums` [bin][what][orientation][side].
template <class S, int Lanes>
SCALE_ALWAYS_INLINE void motion_energy_in_time(motion_energy_scratch<S> const& s, index_t t, index_t side,
                                               motion_energy_times times, motion_energy_taps<S> const& k, S* sums) {
  using vec = typename motion_energy_vector<S, Lanes>::type;
  using size = motion_energy_size;
  constexpr std::size_t quantities = motion_energy_cells<S>::quantities;
  for (int o = 0; o < size::orientations; ++o)
    for (index_t x = 0; x < side; x += Lanes) {
      S const* const re = s.responses + 2 * o * t * side + x;
      S const* const im = re + t * side;
      vec bin[2][quantities] = {};
      for (index_t j = 0; j < times.count; ++j) {
        vec low_re = {}, low_im = {};
        vec even_re[size::speeds] = {}, even_im[size::speeds] = {}, odd_re[size::speeds] = {},
            odd_im[size::speeds] = {};
        for (int i = 0; i < 4; ++i) {
          index_t const first = (std::max)(j * times.step - i, index_t{0}) * side;
          index_t const second = (std::min)(j * times.step + 1 + i, t - 1) * side;
          vec a, b;
          load_lanes<S, Lanes>(a, re + first);
          load_lanes<S, Lanes>(b, re + second);
          vec const sum_re = b + a, difference_re = b - a;
          load_lanes<S, Lanes>(a, im + first);
          load_lanes<S, Lanes>(b, im + second);
          vec const sum_im = b + a, difference_im = b - a;
          low_re += sum_re * k.time_low[i];
          low_im += sum_im * k.time_low[i];
          for (int v = 0; v < size::speeds; ++v) {
            even_re[v] += sum_re * k.time_even[v][i];
            even_im[v] += sum_im * k.time_even[v][i];
            odd_re[v] += difference_re * k.time_odd[v][i];
            odd_im[v] += difference_im * k.time_odd[v][i];
          }
        }
        vec energy[quantities];
        for (int v = 0; v < size::speeds; ++v) {
          energy[2 * v] = S(2) * (even_re[v] * odd_im[v] - even_im[v] * odd_re[v]);
          energy[2 * v + 1] =
              even_re[v] * even_re[v] + even_im[v] * even_im[v] + odd_re[v] * odd_re[v] + odd_im[v] * odd_im[v];
        }
        energy[2 * size::speeds] = S(2) * (low_re * low_re + low_im * low_im);
        if (j < times.half)
          for (std::size_t q = 0; q < quantities; ++q) bin[0][q] += energy[q];
        if (j >= times.count - times.half)
          for (std::size_t q = 0; q < quantities; ++q) bin[1][q] += energy[q];
      }
      for (int b = 0; b < 2; ++b)
        for (std::size_t q = 0; q < quantities; ++q) {
          S* const place = sums + ((b * index_t(quantities) + index_t(q)) * size::orientations + o) * side + x;
          vec v;
          load_lanes<S, Lanes>(v, place);
          store_lanes(place, vec(v + bin[b][q]));
        }
    }
}

/// Steps 2 to 4 for one scale.
template <class S, int Lanes>
SCALE_ALWAYS_INLINE void motion_energy_scale(motion_energy_scratch<S> const& s, index_t t, index_t side,
                                             motion_energy_taps<S> const& taps, motion_energy_cells<S>& cells) {
  using size = motion_energy_size;
  constexpr int lines = size::bins * motion_energy_cells<S>::quantities * size::orientations;
  motion_energy_times const times = make_motion_energy_times(t);
  index_t const fine = side / size::fine;
  S sums[static_cast<std::size_t>(lines * size::grid)];
  S* const cell = &cells.sum[0][0][0][0][0];
  motion_energy_rows<S, Lanes>(s, t, side, taps);
  for (index_t row = 0; row < size::fine; ++row) {
    std::memset(sums, 0, sizeof sums);
    for (index_t y = row * fine; y < (row + 1) * fine; ++y) {
      motion_energy_columns<S, Lanes>(s, t, side, y, taps);
      motion_energy_in_time<S, Lanes>(s, t, side, times, taps, sums);
    }
    for (index_t line = 0; line < lines; ++line)
      for (index_t column = 0; column < size::fine; ++column) {
        S sum = 0;
        for (index_t x = 0; x < fine; ++x) sum += sums[line * side + column * fine + x];
        cell[(line * size::fine + row) * size::fine + column] = sum;
      }
  }
}

}  // namespace scale::cpu::detail
