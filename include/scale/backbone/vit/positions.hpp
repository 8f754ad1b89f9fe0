// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tables of positions of a grid of patches, computed on the host in double: sine-cosine, resized, rotary.

#include <scale/backbone/vit/size.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace scale {

/// Rows [places, width] of the fixed table of Vaswani et al., 2017: sine in even channels, cosine in odd ones, of
/// place / 10000^(2 floor(j / 2) / width). Rounded to float, as the networks that use it do.
inline std::vector<double> sine_cosine_table(index_t places, index_t width) {
  std::vector<double> table;
  table.reserve(static_cast<std::size_t>(places * width));
  for (index_t place = 0; place < places; ++place)
    for (index_t j = 0; j < width; ++j) {
      double const power = static_cast<double>(2 * (j / 2)) / static_cast<double>(width);
      double const angle = static_cast<double>(place) / std::pow(10000.0, power);
      table.push_back(static_cast<double>(static_cast<float>(j % 2 == 0 ? std::sin(angle) : std::cos(angle))));
    }
  return table;
}

namespace detail {

/// Between which two places of a shorter or longer axis a place lies, and how near to the second.
struct position_tap {
  index_t low, high;
  double weight;
};

inline position_tap position_tap_of(index_t i, index_t in, index_t out) {
  double const place = (static_cast<double>(i) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5;
  double const inside = (std::max)(place, 0.0);
  index_t const low = (std::min)(static_cast<index_t>(inside), in - 1);
  return {low, (std::min)(low + 1, in - 1), inside - static_cast<double>(low)};
}

}  // namespace detail

/// Rows of a grid, order (t h w), from those of another: trilinear with half-pixel centres, clamped at the edges, no
/// antialiasing. The table itself where the grids are one.
inline std::vector<double> resize_positions(std::vector<double> const& table, patch_grid const& from,
                                            patch_grid const& to, index_t width) {
  if (from == to) return table;
  std::vector<double> resized(static_cast<std::size_t>(to.tokens() * width), 0.0);
  double* out = resized.data();
  for (index_t t = 0; t < to.t; ++t)
    for (index_t h = 0; h < to.h; ++h)
      for (index_t w = 0; w < to.w; ++w, out += width) {
        detail::position_tap const taps[3] = {detail::position_tap_of(t, from.t, to.t),
                                              detail::position_tap_of(h, from.h, to.h),
                                              detail::position_tap_of(w, from.w, to.w)};
        for (unsigned corner = 0; corner < 8; ++corner) {
          double weight = 1;
          index_t place[3];
          for (unsigned axis = 0; axis < 3; ++axis) {
            bool const second = (corner >> (2 - axis) & 1u) != 0;
            place[axis] = second ? taps[axis].high : taps[axis].low;
            weight *= second ? taps[axis].weight : 1 - taps[axis].weight;
          }
          double const* const row = table.data() + ((place[0] * from.h + place[1]) * from.w + place[2]) * width;
          for (index_t j = 0; j < width; ++j) out[j] += weight * row[j];
        }
      }
  return resized;
}

/// Cosine and sine, rows [tokens, head_width] in order (t h w), for `rotary`: the first third of the channels turns
/// with t, the next with h, the next with w, each 2 floor(head_width / 6) channels; the rest does not turn. Channel j
/// of a third takes the angle place / 10000^(k / half) with half = its channels / 2 and k = j modulo half: the two
/// channels of a pair have different angles, as in the released V-JEPA 2 networks.
struct rotary_tables {
  std::vector<double> cosine, sine;
};

inline rotary_tables rotary_positions(patch_grid const& grid, index_t head_width) {
  index_t const half = head_width / 6, third = 2 * half;
  rotary_tables tables;
  for (index_t token = 0; token < grid.tokens(); ++token) {
    index_t const place[3] = {token / grid.places(), token / grid.w % grid.h, token % grid.w};
    for (index_t j = 0; j < head_width; ++j) {
      bool const turns = j < 3 * third;
      double const power = turns ? static_cast<double>(j % third % half) / static_cast<double>(half) : 0;
      double const angle = turns ? static_cast<double>(place[j / third]) / std::pow(10000.0, power) : 0;
      tables.cosine.push_back(std::cos(angle));
      tables.sine.push_back(std::sin(angle));
    }
  }
  return tables;
}

}  // namespace scale
