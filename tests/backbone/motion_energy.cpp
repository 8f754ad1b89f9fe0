// SPDX-License-Identifier: Apache-2.0
// motion_energy: the CPU against the reference, the symmetries that the formula promises, its errors.
#include <scale/backbone/motion_energy.hpp>
#include <scale/cpu/motion_energy.hpp>
#include <scale/ref/motion_energy.hpp>

#include "backbone/moving_shapes.hpp"
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace {

using scale::index_t;
using kind = scale::motion_energy_kind;

static_assert(
    scale::clip_backbone<scale::motion_energy_backbone<float, scale::cpu::context>, float, scale::cpu::context>);

template <class T, class B>
using clip_tensor = scale::tensor<T, 5, B>;

/// Features of clips, as double.
template <class T, class B>
std::vector<double> features(B const& b, clip_tensor<T, B> const& clips, index_t lanes = 1) {
  scale::motion_energy_backbone<T, B> backbone(lanes);
  scale::tensor<T, 2, B> y(b, scale::shape{clips.extent(0), backbone.feature_width()});
  backbone.forward(b, clips.view(), y.view());
  std::vector<double> out;
  for (index_t i = 0; i < y.size(); ++i) out.push_back(static_cast<double>(y.data_handle()[i]));
  return out;
}

template <class T, class B>
clip_tensor<T, B> moving_shapes(B const& b, index_t n, index_t t, index_t h, index_t w, std::uint64_t seed = 1) {
  clip_tensor<T, B> clips(b, scale::shape<5>{{n, 3, t, h, w}});
  testing::draws random(seed);
  for (index_t i = 0; i < n; ++i)
    testing::draw_moving_shape(clips.view(), i, static_cast<testing::shape_motion>(1 + i % 8), random);
  return clips;
}

/// clip'(c, f, y, x) = change(clip, c, f, y, x)
template <class F>
clip_tensor<double, scale::ref::context> changed(clip_tensor<double, scale::ref::context> const& clip,
                                                 F const& change) {
  clip_tensor<double, scale::ref::context> out(scale::ref::context{}, clip.extents());
  auto const from = clip.view();
  auto const to = out.view();
  for (index_t c = 0; c < 3; ++c)
    for (index_t f = 0; f < clip.extent(2); ++f)
      for (index_t y = 0; y < clip.extent(3); ++y)
        for (index_t x = 0; x < clip.extent(4); ++x) to(0, c, f, y, x) = change(from, c, f, y, x);
  return out;
}

/// Index of the number that a description means.
int index_of(scale::motion_energy_number const& wanted) {
  for (int i = 0; i < scale::motion_energy_width; ++i) {
    auto const n = scale::describe_motion_energy(i);
    if (n.kind == wanted.kind && n.scale == wanted.scale && n.speed == wanted.speed && n.which == wanted.which &&
        n.orientation == wanted.orientation && n.cell == wanted.cell && n.bin == wanted.bin)
      return i;
  }
  FAIL("no such number");
  return -1;
}

bool is_signed(kind k) { return k == kind::opponent || k == kind::opponent_cell || k == kind::turning; }

struct extents {
  index_t n, t, h, w;
};
constexpr extents sizes[] = {{2, 8, 64, 64}, {1, 16, 57, 75}, {1, 2, 16, 16}, {3, 5, 65, 33}, {1, 15, 100, 130}};

}  // namespace

TEST_CASE("motion_energy: cpu agrees with the reference at sizes that are multiples of nothing") {
  scale::ref::context const reference;
  scale::cpu::context const cpu(2);
  for (extents const& s : sizes) {
    CAPTURE(s.t);
    CAPTURE(s.h);
    auto const exact = features(reference, moving_shapes<double>(reference, s.n, s.t, s.h, s.w));
    auto const single = features(cpu, moving_shapes<float>(cpu, s.n, s.t, s.h, s.w), 2);
    auto const wide = features(cpu, moving_shapes<double>(cpu, s.n, s.t, s.h, s.w), 2);
    auto const half = features(cpu, moving_shapes<scale::bf16>(cpu, s.n, s.t, s.h, s.w), 2);
    double worst_single = 0, worst_wide = 0, worst_half = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
      worst_single = std::max(worst_single, std::abs(single[i] - exact[i]));
      worst_wide = std::max(worst_wide, std::abs(wide[i] - exact[i]));
      worst_half = std::max(worst_half, std::abs(half[i] - exact[i]));
    }
    // Ratios carry the rounding of a filtered value of contrast 0.1 in luma of 1 (a few ulp times 10), and squash has
    // slope 10 at 0: 100 times a few 2^-24. bf16 rounds the pixels to 2^-9, a tenth of their contrast.
    CHECK(worst_single < 100 * 4 * 0x1p-24);
    CHECK(worst_wide < 100 * 4 * 0x1p-52);
    CHECK(worst_half < 0.25);
  }
}

TEST_CASE("motion_energy: instruction sets agree") {
  scale::cpu::context const cpu;
  auto const clip = moving_shapes<float>(cpu, 1, 8, 70, 90);
  scale::tensor<float, 1, scale::cpu::context> workspace(cpu, scale::shape{scale::motion_energy_workspace(8, 70, 90)});
  std::vector<float> base(scale::motion_energy_width);
  scale::cpu::detail::motion_energy_clip_base(
      clip.data_handle(), 8, 70, 90, workspace.data_handle(),
      scale::motion_energy_taps<float>(scale::make_motion_energy_filters()),
      [&](int index, float value) { base[static_cast<std::size_t>(index)] = value; });
  auto const best = features(cpu, clip);
  for (std::size_t i = 0; i < base.size(); ++i) CHECK(std::abs(double(base[i]) - best[i]) < 100 * 4 * 0x1p-24);
}

TEST_CASE("motion_energy: a result depends neither on threads nor on the clips beside it") {
  scale::cpu::context const one(1), two(2);
  auto const clips = moving_shapes<float>(one, 5, 8, 48, 48);
  auto const together = features(two, clips, 4);
  CHECK(together == features(one, clips, 1));
  scale::tensor<float, 5, scale::cpu::context> alone(one, scale::shape<5>{{1, 3, 8, 48, 48}});
  std::copy_n(clips.data_handle() + 3 * alone.size(), alone.size(), alone.data_handle());
  auto const third = features(one, alone);
  CHECK(std::equal(third.begin(), third.end(), together.begin() + 3 * scale::motion_energy_width));
}

TEST_CASE("motion_energy: mirroring swaps left and right") {
  scale::ref::context const b;
  auto const clip = moving_shapes<double>(b, 1, 8, 60, 72);
  auto const plain = features(b, clip);
  auto const mirrored = features(b, changed(clip, [](auto const& v, auto c, auto f, auto y, auto x) {
                                   return v(0, c, f, y, v.extent(4) - 1 - x);
                                 }));
  for (int i = 0; i < scale::motion_energy_width; ++i) {
    auto n = scale::describe_motion_energy(i);
    double sign = 1;
    if (n.orientation == 0 && is_signed(n.kind)) sign = -1;
    if (n.kind == kind::turning && n.which == 0) sign = -1;
    if (n.orientation == 1 || n.orientation == 3) n.orientation = 4 - n.orientation;
    if (n.cell >= 0) n.cell ^= 1;
    CAPTURE(i);
    CHECK(mirrored[static_cast<std::size_t>(index_of(n))] ==
          doctest::Approx(sign * plain[static_cast<std::size_t>(i)]).epsilon(1e-9));
  }
}

TEST_CASE("motion_energy: reversing time turns the direction and swaps the halves") {
  scale::ref::context const b;
  for (index_t const t : {2, 7, 8, 12}) {
    CAPTURE(t);
    auto const clip = moving_shapes<double>(b, 1, t, 40, 40);
    auto const plain = features(b, clip);
    auto const reversed = features(b, changed(clip, [](auto const& v, auto c, auto f, auto y, auto x) {
                                     return v(0, c, v.extent(2) - 1 - f, y, x);
                                   }));
    for (int i = 0; i < scale::motion_energy_width; ++i) {
      auto n = scale::describe_motion_energy(i);
      double const sign = is_signed(n.kind) ? -1 : 1;
      if (n.bin >= 0) n.bin = 1 - n.bin;
      CAPTURE(i);
      CHECK(reversed[static_cast<std::size_t>(index_of(n))] ==
            doctest::Approx(sign * plain[static_cast<std::size_t>(i)]).epsilon(1e-9));
    }
  }
}

TEST_CASE("motion_energy: a constant added to all pixels changes nothing") {
  scale::ref::context const b;
  auto const clip = moving_shapes<double>(b, 1, 8, 33, 47);
  auto const plain = features(b, clip);
  auto const brighter =
      features(b, changed(clip, [](auto const& v, auto c, auto f, auto y, auto x) { return v(0, c, f, y, x) + .3; }));
  for (std::size_t i = 0; i < plain.size(); ++i) CHECK(brighter[i] == doctest::Approx(plain[i]).epsilon(1e-9));
}

TEST_CASE("motion_energy: a still clip has no motion, whatever it shows") {
  scale::ref::context const reference;
  scale::cpu::context const cpu;
  auto const check = [](auto const& values, double limit) {
    for (int i = 0; i < scale::motion_energy_width; ++i) {
      auto const k = scale::describe_motion_energy(i).kind;
      double const value = values[static_cast<std::size_t>(i)];
      CHECK(std::isfinite(value));
      if (is_signed(k) || k == kind::change) CHECK(value == 0);
      if (k == kind::motion || k == kind::motion_share) CHECK(std::abs(value) < limit);
    }
  };
  auto const moving = moving_shapes<double>(reference, 1, 9, 50, 50);
  check(features(reference,
                 changed(moving, [](auto const& v, auto c, auto, auto y, auto x) { return v(0, c, 3, y, x); })),
        1e-12);
  clip_tensor<float, scale::cpu::context> still(cpu, moving.extents()), black(cpu, moving.extents());
  for (index_t i = 0; i < still.size(); ++i) {
    still.data_handle()[i] = static_cast<float>(moving.data_handle()[i / (9 * 2500) * (9 * 2500) + i % 2500]);
    black.data_handle()[i] = 0;
  }
  check(features(cpu, still), 1e-5);
  for (double const value : features(cpu, black)) CHECK(value == 0);
}

TEST_CASE("motion_energy: a drifting grating shows in its own orientation, sign, scale and speed") {
  scale::cpu::context const b;
  constexpr double pi = 3.14159265358979323846;
  for (int o = 0; o < 4; ++o)
    for (int s = 0; s < 3; ++s)
      for (int v = 0; v < 2; ++v) {
        if (s == 2) continue;  // its period is that of the frame's edge effects
        clip_tensor<double, scale::cpu::context> clip(b, scale::shape<5>{{1, 3, 16, 64, 64}});
        double const k = 2 * pi / (6 << s), omega = v == 0 ? pi / 4 : pi / 2;
        double const kx = k * std::cos(o * pi / 4), ky = k * std::sin(o * pi / 4);
        for (index_t i = 0; i < clip.size(); ++i) {
          double const x = double(i % 64), y = double(i / 64 % 64), f = double(i / 4096 % 16);
          clip.data_handle()[i] = .5 + .2 * std::cos(kx * x + ky * y - omega * f);
        }
        auto const values = features(b, clip);
        double best = 0;
        int where = -1;
        for (int i = 0; i < scale::motion_energy_width; ++i)
          if (scale::describe_motion_energy(i).kind == kind::opponent &&
              std::abs(values[static_cast<std::size_t>(i)]) > std::abs(best)) {
            best = values[static_cast<std::size_t>(i)];
            where = i;
          }
        auto const n = scale::describe_motion_energy(where);
        CAPTURE(o);
        CAPTURE(s);
        CAPTURE(v);
        CHECK(n.orientation == o);
        CHECK(n.scale == s);
        CHECK(n.speed == v);
        CHECK(best > .8);
      }
}

TEST_CASE("motion_energy: every number has a meaning of its own") {
  for (int i = 0; i < scale::motion_energy_width; ++i) CHECK(index_of(scale::describe_motion_energy(i)) == i);
  CHECK_THROWS_AS(scale::describe_motion_energy(-1), scale::argument_error);
  CHECK_THROWS_AS(scale::describe_motion_energy(scale::motion_energy_width), scale::argument_error);
}

TEST_CASE("motion_energy: wrong clips are refused by name") {
  scale::cpu::context const b;
  scale::motion_energy_backbone<float, scale::cpu::context> backbone;
  CHECK(backbone.weights_sha256().empty());
  CHECK(backbone.feature_width() == scale::motion_energy_width);
  scale::tensor<float, 2, scale::cpu::context> y(b, scale::shape{index_t{1}, scale::motion_energy_width});
  auto const refused = [&](scale::shape<5> s, char const* text) {
    clip_tensor<float, scale::cpu::context> const clip(b, s);
    try {
      backbone.forward(b, clip.view(), y.view());
      FAIL("accepted");
    } catch (scale::argument_error const& e) {
      CHECK_MESSAGE(std::string(e.what()).find(text) != std::string::npos, e.what());
      CHECK(std::string(e.what()).find("motion_energy.cpp:") != std::string::npos);
    }
  };
  refused({{1, 3, 1, 32, 32}}, "at least 2 frames of 16 x 16");
  refused({{1, 3, 8, 15, 32}}, "at least 2 frames of 16 x 16");
  refused({{1, 4, 8, 32, 32}}, "clips shape: expected [1, 3, 8, 32, 32], got [1, 4, 8, 32, 32]");
  refused({{2, 3, 8, 32, 32}}, "features shape: expected [2,");
  CHECK_THROWS_AS((scale::motion_energy_backbone<float, scale::cpu::context>(0)), scale::argument_error);
  clip_tensor<float, scale::cpu::context> const none(b, scale::shape<5>{{0, 3, 8, 32, 32}});
  backbone.forward(b, none.view(), y.view().rows(0, 0));
}
