// SPDX-License-Identifier: Apache-2.0
#pragma once
// Clips of a textured shape that moves before a textured background; the look is drawn anew for every clip.

#include <scale/core/random.hpp>
#include <scale/core/tensor_view.hpp>

#include <cmath>
#include <vector>

namespace testing {

enum class shape_motion { still, left, right, up, down, clockwise, counter_clockwise, approach, recede };

/// Numbers in [0, 1) from one stream of the library's generator.
class draws {
 public:
  explicit draws(std::uint64_t seed, std::uint32_t step = 0)
      : key_(scale::make_key(seed, step, scale::purpose::demo)) {}
  double unit() { return scale::random_unit(key_, index_++); }
  double between(double low, double high) { return low + (high - low) * unit(); }

 private:
  scale::random_key key_;
  std::uint64_t index_ = 0;
};

/// A colour plus a few plane waves of colour.
class texture {
 public:
  texture(draws& random, double amplitude) {
    for (double& c : base_) c = random.between(.25, .75);
    int const count = 3 + static_cast<int>(random.unit() * 5);
    for (int i = 0; i < count; ++i) {
      double const frequency = 2 * pi / random.between(5, 50), angle = random.between(0, 2 * pi);
      wave w{frequency * std::cos(angle), frequency * std::sin(angle), random.between(0, 2 * pi), {}};
      for (double& c : w.colour) c = amplitude * random.between(-.5, 1);
      waves_.push_back(w);
    }
  }

  double at(double x, double y, int channel) const {
    double value = base_[channel];
    for (wave const& w : waves_) value += w.colour[channel] * std::cos(w.kx * x + w.ky * y + w.phase);
    return value;
  }

 private:
  static constexpr double pi = 3.14159265358979323846;
  struct wave {
    double kx, ky, phase, colour[3];
  };
  double base_[3];
  std::vector<wave> waves_;
};

/// Fills clip `index` of clips [n, 3, t, side, side] with values in [0, 1], rounded to 8 bit. Coordinates are those of
/// a frame of 224 x 224; the shape moves 2 to 6 of its pixels, 3 to 8 degrees or 2 to 4.5 % per frame.
template <class T, class B>
void draw_moving_shape(scale::tensor_view<T, 5, B> clips, scale::index_t index, shape_motion motion, draws& random) {
  using scale::index_t;
  texture const background(random, .08), inside(random, .16);
  double const radius = random.between(28, 55), aspect = random.between(.4, .75);
  double const x0 = random.between(70, 154), y0 = random.between(70, 154), angle0 = random.between(0, 6.28);
  double const speed = random.between(2, 6), turn = random.between(.05, .14), growth = random.between(.02, .045);
  bool const round = random.unit() < .5;
  index_t const t = clips.extent(2), h = clips.extent(3), w = clips.extent(4);
  for (index_t f = 0; f < t; ++f) {
    double const time = static_cast<double>(f) - static_cast<double>(t - 1) / 2;
    double x = x0, y = y0, angle = angle0, size = 1;
    switch (motion) {
      case shape_motion::still: break;
      case shape_motion::left: x -= speed * time; break;
      case shape_motion::right: x += speed * time; break;
      case shape_motion::up: y -= speed * time; break;
      case shape_motion::down: y += speed * time; break;
      case shape_motion::clockwise: angle += turn * time; break;
      case shape_motion::counter_clockwise: angle -= turn * time; break;
      case shape_motion::approach: size = std::exp(growth * time); break;
      case shape_motion::recede: size = std::exp(-growth * time); break;
    }
    for (index_t row = 0; row < h; ++row)
      for (index_t column = 0; column < w; ++column) {
        double const px = (static_cast<double>(column) + .5) * 224 / static_cast<double>(w);
        double const py = (static_cast<double>(row) + .5) * 224 / static_cast<double>(h);
        double const dx = (px - x) / size, dy = (py - y) / size;
        double const u = std::cos(angle) * dx + std::sin(angle) * dy, v = std::cos(angle) * dy - std::sin(angle) * dx;
        bool const covered = round ? u * u + v * v / (aspect * aspect) < radius * radius
                                   : std::abs(u) < radius && std::abs(v) < radius * aspect;
        for (int c = 0; c < 3; ++c) {
          double const value = covered ? inside.at(u, v, c) : background.at(px, py, c);
          double const noisy = std::fmin(std::fmax(value + random.between(-.01, .01), 0), 1);
          clips(index, c, f, row, column) = T(static_cast<float>(std::floor(noisy * 255 + .5) / 255));
        }
      }
  }
}

}  // namespace testing
