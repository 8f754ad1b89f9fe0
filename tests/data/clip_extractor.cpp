// SPDX-License-Identifier: Apache-2.0
#include <scale/backbone/motion_energy.hpp>
#include <scale/data/clip_extractor.hpp>
#include <scale/ref.hpp>
#include <scale/video/pushed_video.hpp>

#include "support/thrown.hpp"
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>

namespace {

using namespace scale;
using context = ref::context;

constexpr int frames = 40, height = 20, width = 26;

video::planned_video moving_video(video::view_options const& views) {
  video::frame_size const size{height, width};
  video::pushed_video out(size, 30);
  std::vector<std::uint8_t> pixels(std::size_t{3} * height * width);
  for (int t = 0; t < frames; ++t) {
    for (std::size_t i = 0; i < pixels.size(); ++i)
      pixels[i] = static_cast<std::uint8_t>(128 + 100 * std::sin(0.2 * static_cast<double>(i % (3 * width)) - 0.4 * t));
    out.push({pixels.data(), std::ptrdiff_t{3} * width, size});
  }
  return std::move(out).plan(views);
}

video::view_options small_views(int clips) {
  video::view_options views;
  views.clips = clips;
  views.size = 16;
  views.sampling = {.num_frames = 4, .stride = 2};
  return views;
}

TEST_CASE("clip_extractor: each clip is what the backbone makes of the rendered clip, however many go together") {
  context const b;
  auto const views = small_views(5);
  video::planned_video const video = moving_video(views);
  motion_energy_backbone<double, context> backbone;
  video::pixel_statistics const pixels = pixels_of(backbone.defaults());
  index_t const d = backbone.feature_width();

  std::vector<float> expected;
  tensor<double, 5, context> clip(b, shape{1, 3, 4, 16, 16});
  tensor<double, 2, context> feature(b, shape{index_t{1}, d});
  for (video::planned_clip const& plan : video.clips) {
    std::vector<double> values(static_cast<std::size_t>(clip.size())), numbers(static_cast<std::size_t>(d));
    video::render_clip<double>(video.video, plan, pixels, std::span<double>(values));
    upload(b, std::span<double const>(values), clip.view());
    backbone.forward(b, clip, feature);
    download(b, feature, std::span<double>(numbers));
    expected.insert(expected.end(), numbers.begin(), numbers.end());
  }
  for (index_t const at_once : {1, 2, 5, 9}) {
    clip_extractor<double, context> extract(b, d, views, pixels, at_once);
    for (int repetition = 0; repetition < 2; ++repetition) {
      video_clips const out = extract(b, backbone, video);
      CHECK(out.features == expected);
      REQUIRE(out.raw_positions.size() == 5 * video::position_width);
      for (std::size_t c = 0; c < 5; ++c)
        for (std::size_t i = 0; i < video::position_width; ++i)
          CHECK(out.raw_positions[c * video::position_width + i] == static_cast<float>(video.clips[c].raw[i]));
      std::vector<float> normalised(out.raw_positions.size());
      auto const raw = video::positions_of(video.clips);
      video::normalize_positions(std::span<video::position const>(raw), std::span<float>(normalised));
      CHECK(out.positions == normalised);
    }
  }
}

TEST_CASE("clip_extractor: a plan of other options is refused") {
  context const b;
  motion_energy_backbone<double, context> backbone;
  auto const views = small_views(5);
  clip_extractor<double, context> extract(b, backbone.feature_width(), views, {});
  CHECK(testing::contains(testing::thrown<argument_error>([&] { extract(b, backbone, moving_video(small_views(4))); }),
                          "clips"));
  auto larger = views;
  larger.size = 18;
  CHECK(
      testing::contains(testing::thrown<argument_error>([&] { extract(b, backbone, moving_video(larger)); }), "clip"));
  CHECK(testing::contains(testing::thrown<argument_error>(
                              [&] { clip_extractor<double, context>(b, backbone.feature_width(), views, {}, 0); }),
                          "clips_at_once"));
}

TEST_CASE("a backbone's defaults as the video layer takes them") {
  backbone_defaults own{.frames = 8, .size = 112, .stride = 2, .fps = 25, .mean = {1, 2, 3}, .std = {4, 5, 6}};
  CHECK(sampling_of(own).num_frames == 8);
  CHECK(sampling_of(own).stride == 2);
  CHECK(sampling_of(own).target_fps == 25);
  CHECK(pixels_of(own).mean == std::array<double, 3>{1, 2, 3});
  CHECK(pixels_of(own).std == std::array<double, 3>{4, 5, 6});
}

}  // namespace
