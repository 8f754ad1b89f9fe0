// SPDX-License-Identifier: Apache-2.0
// Whether motion_energy tells which motion a clip shows, across looks that it has never seen.
#include <scale/backbone/motion_energy.hpp>
#include <scale/cpu/motion_energy.hpp>

#include "backbone/moving_shapes.hpp"
#include <doctest/doctest.h>

#include <cmath>
#include <span>
#include <vector>

namespace {

using scale::index_t;
using testing::shape_motion;

/// Centred by the first half's mean and normalised; share of the second half whose nearest neighbour in the first half
/// shows the same motion.
double nearest_neighbour_accuracy(std::span<shape_motion const> motions, index_t per_motion) {
  scale::cpu::context const b;
  index_t const classes = static_cast<index_t>(motions.size()), n = classes * per_motion,
                d = scale::motion_energy_width;
  scale::motion_energy_backbone<float, scale::cpu::context> backbone;
  scale::tensor<float, 5, scale::cpu::context> clip(b, scale::shape<5>{{1, 3, 10, 64, 64}});
  scale::tensor<float, 2, scale::cpu::context> x(b, scale::shape{n, d});
  auto const rows = x.view();
  for (index_t i = 0; i < n; ++i) {
    testing::draws random(7, static_cast<std::uint32_t>(i));
    testing::draw_moving_shape(clip.view(), 0, motions[static_cast<std::size_t>(i % classes)], random);
    backbone.forward(b, clip.view(), rows.rows(i, 1));
  }
  index_t const known = n / 2;
  for (index_t j = 0; j < d; ++j) {
    double mean = 0;
    for (index_t i = 0; i < known; ++i) mean += double(rows(i, j)) / double(known);
    for (index_t i = 0; i < n; ++i) rows(i, j) -= static_cast<float>(mean);
  }
  auto const dot = [&](index_t i, index_t k) {
    double sum = 0;
    for (index_t j = 0; j < d; ++j) sum += double(rows(i, j)) * double(rows(k, j));
    return sum;
  };
  index_t right = 0;
  for (index_t i = known; i < n; ++i) {
    index_t best = 0;
    double most = -2;
    for (index_t k = 0; k < known; ++k) {
      double const cosine = dot(i, k) / std::sqrt(dot(i, i) * dot(k, k));
      if (cosine > most) most = cosine, best = k;
    }
    right += best % classes == i % classes ? 1 : 0;
  }
  return double(right) / double(n - known);
}

}  // namespace

TEST_CASE("motion_energy: nearest neighbours across looks show the same motion") {
  // Chance is 20 % and 33 %; the limits are for 100 and 60 test clips, three standard errors below what many clips
  // give.
  constexpr shape_motion directions[] = {shape_motion::still, shape_motion::left, shape_motion::right, shape_motion::up,
                                         shape_motion::down};
  double const five = nearest_neighbour_accuracy(directions, 40);
  MESSAGE("still, left, right, up, down: " << 100 * five << " %");
  CHECK(five > .9);
  constexpr shape_motion kinds[] = {shape_motion::right, shape_motion::clockwise, shape_motion::approach};
  double const three = nearest_neighbour_accuracy(kinds, 40);
  MESSAGE("right, clockwise, approach: " << 100 * three << " %");
  CHECK(three > .85);
}
