// SPDX-License-Identifier: Apache-2.0
#include <scale/video/render.hpp>
#include <scale/video/views.hpp>

#include "video/generated_video.hpp"
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace video = scale::video;
using video::frame_size;
using video::view_recipe;

namespace {

video::view_options with(view_recipe recipe, int clips = 0, int size = 0) {
  video::view_options options;
  options.recipe = recipe;
  options.clips = clips;
  options.size = size;
  return options;
}

bool same_plan(std::vector<video::planned_clip> const& a, std::vector<video::planned_clip> const& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](auto const& x, auto const& y) {
    return x.indices == y.indices && x.raw == y.raw && x.geometry.window == y.geometry.window &&
           x.geometry.source == y.geometry.source && x.geometry.flipped == y.geometry.flipped;
  });
}

}  // namespace

TEST_CASE("views: a plan depends on seed and video, and a pass adds to it without changing it") {
  frame_size const frame{256, 340};
  for (view_recipe const recipe : {view_recipe::lin, view_recipe::aug}) {
    auto options = with(recipe);
    auto const plan = video::plan_views(300, 30, frame, options, 42, 7);
    CHECK(plan.size() == 16);
    CHECK(same_plan(plan, video::plan_views(300, 30, frame, options, 42, 7)));
    CHECK_FALSE(same_plan(plan, video::plan_views(300, 30, frame, options, 42, 8)));
    CHECK_FALSE(same_plan(plan, video::plan_views(300, 30, frame, options, 43, 7)));
    options.passes = 3;
    auto const three = video::plan_views(300, 30, frame, options, 42, 7);
    CHECK(three.size() == 48);
    CHECK(same_plan(plan, {three.begin(), three.begin() + 16}));
    CHECK_FALSE(same_plan(plan, {three.begin() + 16, three.begin() + 32}));
  }
}

TEST_CASE("views: lin draws from the whole range, both ends included") {
  frame_size const frame{256, 340};
  auto const plan = video::plan_views(300, 30, frame, with(view_recipe::lin, 6000), 1, 0);
  std::set<int> sides;
  int flipped = 0;
  double start_sum = 0;
  bool first_place = false;
  bool last_place = false;
  for (auto const& clip : plan) {
    auto const& g = clip.geometry;
    sides.insert(g.resized.height);
    CHECK_FALSE(clip.colour.has_value());
    CHECK(g.resized == video::short_side_size(frame, g.resized.height));
    CHECK((g.window.height == 224 && g.window.width == 224));
    REQUIRE(g.window.top >= 0);
    REQUIRE(g.window.top + 224 <= g.resized.height);
    REQUIRE(g.window.left + 224 <= g.resized.width);
    first_place |= g.window.top == 0;
    last_place |= g.window.top + 224 == g.resized.height;
    flipped += clip.raw[0] > 0;
    start_sum += clip.raw[5];
    CHECK(clip.raw[6] == doctest::Approx(clip.raw[5] + 63));
    REQUIRE(clip.raw[3] <= 256 + 1e-9);
    REQUIRE(clip.raw[4] <= 340 + 1e-9);
    CHECK((clip.indices.front() >= 0 && clip.indices.back() < 300));
  }
  CHECK(*sides.begin() == 256);
  CHECK(*sides.rbegin() == 320);
  CHECK(sides.size() == 65);
  CHECK(first_place);
  CHECK(last_place);
  // Five standard errors of the mean of 6000 draws.
  CHECK(std::abs(flipped / 6000.0 - 0.5) < 5 * 0.5 / std::sqrt(6000.0));
  CHECK(std::abs(start_sum / 6000.0 - 236 / 2.0) < 5 * 236 / std::sqrt(12 * 6000.0));
}

TEST_CASE("views: aug draws boxes and colours as stated") {
  frame_size const frame{256, 455};
  auto const plan = video::plan_views(90, 25, frame, with(view_recipe::aug, 6000), 1, 0);
  std::map<std::string, int> orders;
  int jittered = 0;
  int grey = 0;
  int blurred = 0;
  for (auto const& clip : plan) {
    auto const& box = clip.geometry.source;
    double const area = static_cast<double>(box.height) * box.width / (256.0 * 455);
    double const aspect = static_cast<double>(box.width) / box.height;
    REQUIRE(area > 0.19);
    REQUIRE(area < 0.78);
    REQUIRE(aspect > 0.74);
    REQUIRE(aspect < 1.35);
    REQUIRE(box.top + box.height <= 256);
    REQUIRE(box.left + box.width <= 455);
    CHECK(clip.raw[1] == box.top);
    CHECK(clip.raw[4] == box.left + box.width);
    auto const& c = *clip.colour;
    jittered += c.steps == 4;
    grey += c.grey;
    blurred += c.blur_sigma > 0;
    if (c.steps == 4) {
      std::string order;
      for (auto const step : c.order) order += static_cast<char>('0' + static_cast<int>(step));
      ++orders[order];
      REQUIRE(std::abs(c.brightness - 1) <= 0.4);
      REQUIRE(std::abs(c.hue) <= 0.15);
    }
    if (c.blur_sigma > 0) REQUIRE((c.blur_sigma >= 0.1 && c.blur_sigma <= 2));
  }
  auto const near = [](int count, double p) {
    return std::abs(count / 6000.0 - p) < 5 * std::sqrt(p * (1 - p) / 6000);
  };
  CHECK(near(jittered, 0.8));
  CHECK(near(grey, 0.2));
  CHECK(near(blurred, 0.5));
  CHECK(orders.size() == 24);
}

TEST_CASE("views: val takes five starts and three crops of each") {
  auto const wide = video::plan_views(300, 30, {256, 340}, with(view_recipe::val), 1, 0);
  REQUIRE(wide.size() == 15);
  for (int k = 0; k < 15; ++k) {
    auto const& clip = wide[static_cast<std::size_t>(k)];
    CHECK(clip.raw[5] == doctest::Approx(236.0 * (k / 3) / 5));
    CHECK(clip.geometry.window.left == std::array{0, 42, 84}[static_cast<std::size_t>(k % 3)]);
    CHECK(clip.geometry.window.top == 0);
    CHECK(clip.raw[0] == -1);
  }
  auto const tall = video::plan_views(300, 30, {341, 256}, with(view_recipe::val), 1, 0);
  for (int k = 0; k < 3; ++k)
    CHECK(tall[static_cast<std::size_t>(k)].geometry.window.top == std::array{0, 43, 85}[static_cast<std::size_t>(k)]);
}

TEST_CASE("views: other sizes scale the recipe; impossible wishes are refused") {
  for (int const size : {32, 112, 300}) {
    auto const plan = video::plan_views(50, 30, {256, 340}, with(view_recipe::lin, 2000, size), 3, 1);
    auto const [low, high] = std::minmax_element(plan.begin(), plan.end(), [](auto const& a, auto const& b) {
      return a.geometry.resized.height < b.geometry.resized.height;
    });
    CHECK(low->geometry.resized.height == std::lround(256.0 * size / 224));
    CHECK(high->geometry.resized.height == std::lround(320.0 * size / 224));
    CHECK(plan[0].geometry.window.height == size);
  }
  CHECK(video::plan_views(50, 30, {256, 340}, with(view_recipe::val, 6, 64), 3, 1).size() == 6);
  CHECK_THROWS_AS(video::plan_views(50, 30, {256, 340}, with(view_recipe::val, 16), 3, 1), scale::argument_error);
  auto twice = with(view_recipe::val);
  twice.passes = 2;
  CHECK_THROWS_AS(video::plan_views(50, 30, {256, 340}, twice, 3, 1), scale::argument_error);
  CHECK_THROWS_AS(video::plan_views(50, 30, {256, 340}, with(view_recipe::lin, -1), 3, 1), scale::argument_error);
}

TEST_CASE("views: one frame is enough") {
  for (view_recipe const recipe : {view_recipe::lin, view_recipe::aug, view_recipe::val})
    for (auto const& clip : video::plan_views(1, 25, {256, 256}, with(recipe), 1, 0))
      CHECK(clip.indices == std::vector<std::int64_t>(16, 0));
}

TEST_CASE("views: reading and rendering a video") {
  testing::scratch_folder const folder;
  REQUIRE(testing::write_numbered(folder / "a.mp4", 90, {64, 80}, {}));
  video::read_options read;
  read.short_side = 64;
  for (view_recipe const recipe : {view_recipe::lin, view_recipe::aug, view_recipe::val}) {
    auto const [v, clips] = video::read_views(folder / "a.mp4", with(recipe, 6, 56), 5, 3, read);
    CHECK(clips.size() == 6);
    for (auto const& clip : clips) {
      std::size_t const plane = 56 * 56;
      std::vector<float> out(3 * 16 * plane, -100.0f);
      video::render_clip<float>(v, clip, {}, out);
      CHECK(*std::min_element(out.begin(), out.end()) >= doctest::Approx(-2.0));
      CHECK(*std::max_element(out.begin(), out.end()) <= doctest::Approx(0.55 / 0.225));
      if (recipe == view_recipe::aug) continue;
      // Frame 9 by itself is the same as within the clip.
      std::vector<video::frame_view> const one{v.frame(clip.indices[9])};
      std::vector<float> alone(3 * plane);
      video::resize_crop<float>(one, clip.geometry, {}, alone);
      for (std::size_t c = 0; c < 3; ++c)
        CHECK(std::equal(&alone[c * plane], &alone[c * plane] + plane, &out[(c * 16 + 9) * plane]));
    }
  }
}

TEST_CASE("colour: a blur by frame does not bleed over frames, one by clip does") {
  frame_size const size{12, 10};
  std::vector<std::uint8_t> clip(2 * 3 * 12 * 10, 0);
  std::fill(clip.begin() + 3 * 12 * 10, clip.end(), std::uint8_t{255});  // a black frame, then a white one
  video::colour_draw draw;
  draw.blur_sigma = 1.5;
  auto by_frame = clip;
  video::augment_colour(by_frame, size, draw);
  CHECK(by_frame == clip);
  draw.scope = video::blur_scope::clip;
  auto by_clip = clip;
  video::augment_colour(by_clip, size, draw);
  CHECK(by_clip[3 * 10 * 11] > 20);   // last row of the black frame
  CHECK(by_clip[3 * 10 * 12] < 235);  // first row of the white one
}
