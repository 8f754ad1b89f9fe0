// SPDX-License-Identifier: Apache-2.0
// Golden kinds clip_times, positions, crop_box, resize_crop and colour.
#include <scale/video/clip_times.hpp>
#include <scale/video/colour_augment.hpp>
#include <scale/video/crop_box.hpp>
#include <scale/video/positions.hpp>
#include <scale/video/resize.hpp>

#include "video/golden_cases.hpp"
#include <doctest/doctest.h>

namespace video = scale::video;

TEST_CASE("golden clip_times") {
  for (auto const& c : golden::cases_of("clip_times")) {
    CAPTURE(c.name);
    video::clip_sampling const sampling{c.config.at("num_frames").get<int>(),
                                        c.config.at("sampling_rate").get<double>(),
                                        c.config.at("target_fps").get<double>()};
    bool const val = c.config.at("mode") == "val";
    int const starts = val ? 5 : 1;
    auto const frames = c.values("video_frames");
    auto const fps = c.values("fps");
    auto const fraction = val ? std::vector<double>(frames.size()) : c.values("fraction");
    std::vector<double> size, start, end, indices;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      auto const n = static_cast<std::int64_t>(frames[i]);
      size.push_back(video::clip_size(sampling, fps[i]));
      for (int k = 0; k < starts; ++k) {
        auto const time =
            val ? video::clip_at_even_step(n, size.back(), k, 5) : video::clip_at_fraction(n, size.back(), fraction[i]);
        start.push_back(time.start);
        end.push_back(time.end);
        for (std::int64_t const index : video::clip_indices(time, n, sampling.num_frames))
          indices.push_back(static_cast<double>(index));
      }
    }
    CHECK(golden::relative_error(size, c.values("clip_size")) <= c.limit("fp64", "clip_size"));
    CHECK(golden::relative_error(start, c.values("start")) <= c.limit("fp64", "start"));
    CHECK(golden::relative_error(end, c.values("end")) <= c.limit("fp64", "end"));
    CHECK(indices == c.values("indices"));
  }
}

TEST_CASE_TEMPLATE("golden positions", T, float, double) {
  char const* const type = sizeof(T) == 8 ? "fp64" : "fp32";
  for (auto const& c : golden::cases_of("positions")) {
    CAPTURE(c.name);
    auto const raw = c.values("raw");
    std::vector<T> const typed(raw.begin(), raw.end());
    std::vector<T> normalized(raw.size());
    video::normalize_positions(std::span<T const>(typed), std::span<T>(normalized));
    CHECK(golden::relative_error(normalized, c.values("normalized")) <= c.limit(type, "normalized"));
  }
}

TEST_CASE("golden crop_box") {
  for (auto const& c : golden::cases_of("crop_box")) {
    CAPTURE(c.name);
    auto const frame = c.values("frame"), area = c.values("area"), aspect = c.values("aspect");
    auto const offset = c.values("offset"), expected = c.values("box");
    video::crop_range range;
    range.least_aspect = c.config.at("ratio").at(0).get<double>();
    range.most_aspect = c.config.at("ratio").at(1).get<double>();
    std::vector<double> boxes;
    for (std::size_t i = 0; i < area.size(); ++i) {
      video::frame_size const size{static_cast<int>(frame[2 * i]), static_cast<int>(frame[2 * i + 1])};
      auto const box = video::try_crop_box(size, {area[i], aspect[i], offset[2 * i], offset[2 * i + 1]});
      auto const b = box ? *box : video::fallback_crop_box(size, range);
      for (int const v : {b.top, b.left, b.height, b.width, box ? 0 : 1}) boxes.push_back(v);
    }
    CHECK(boxes == expected);
  }
}

TEST_CASE_TEMPLATE("golden resize_crop", T, float, double) {
  char const* const type = sizeof(T) == 8 ? "fp64" : "fp32";
  for (auto const& c : golden::cases_of("resize_crop")) {
    CAPTURE(c.name);
    auto const& config = c.config;
    auto const shape = config.at("fills").at("frames").at("shape").get<std::vector<int>>();
    auto const numbers = c.filled("frames");
    std::vector<std::uint8_t> const bytes(numbers.begin(), numbers.end());
    video::frame_size const size{shape[1], shape[2]};
    std::vector<video::frame_view> frames;
    for (int t = 0; t < shape[0]; ++t)
      frames.push_back({bytes.data() + t * size.height * size.width * 3, size.width * 3, size});
    video::pixel_statistics pixels;
    pixels.mean.fill(config.at("mean").get<double>());
    pixels.std.fill(config.at("std").get<double>());

    std::string const mode = config.at("mode");
    auto const number = [&](char const* key) { return config.at(key).get<int>(); };
    std::vector<video::crop_geometry> crops;
    if (mode == "val") {
      for (int k = 0; k < 3; ++k) crops.push_back(video::spatial_crop(size, number("short_side"), number("crop"), k));
    } else {
      auto const flipped = number("flip") != 0 ? video::flip::horizontal : video::flip::none;
      if (mode == "box")
        crops.push_back(video::box_crop({number("top"), number("left"), number("height"), number("width")},
                                        number("out"), flipped));
      else
        crops.push_back(
            video::short_side_crop(size, number("short_side"), number("crop"), number("top"), number("left"), flipped));
    }
    std::vector<T> clip;
    std::vector<double> positions;
    for (auto const& crop : crops) {
      std::vector<T> one(static_cast<std::size_t>(3 * shape[0] * crop.window.height * crop.window.width));
      video::resize_crop<T>(frames, crop, pixels, one);
      clip.insert(clip.end(), one.begin(), one.end());
      auto const at = mode == "val" ? video::resized_position(crop) : video::source_position(crop);
      positions.insert(positions.end(), at.begin(), at.begin() + 5);
    }
    CHECK(golden::relative_error(clip, c.values("clip")) <= c.limit(type, "clip"));
    CHECK(golden::relative_error(positions, c.values("position")) <= c.limit(type, "position"));
    if (c.file.find("resized") != nullptr)
      CHECK(c.values("resized") == std::vector<double>{static_cast<double>(crops[0].resized.height),
                                                       static_cast<double>(crops[0].resized.width)});
  }
}

TEST_CASE("golden colour, exact") {
  for (auto const& c : golden::cases_of("colour")) {
    CAPTURE(c.name);
    video::colour_draw draw;
    for (char const step : c.config.at("order").get<std::string>()) {
      auto const name = std::string_view("bcsh").find(step);
      REQUIRE(name != std::string_view::npos);
      draw.order[static_cast<std::size_t>(draw.steps++)] = static_cast<video::colour_step>(name);
    }
    draw.brightness = c.config.at("brightness");
    draw.contrast = c.config.at("contrast");
    draw.saturation = c.config.at("saturation");
    draw.hue = c.config.at("hue");
    draw.grey = c.config.at("grey") != 0;
    draw.blur_sigma = c.config.at("blur_sigma");
    draw.scope = video::blur_scope::clip;
    auto const& shape = c.file.at("frames").shape;
    auto clip = c.file.read<std::uint8_t>("frames");
    video::augment_colour(clip, {static_cast<int>(shape[1]), static_cast<int>(shape[2])}, draw);
    auto const expected = c.file.read<std::uint8_t>("expected");
    int worst = 0;
    for (std::size_t i = 0; i < clip.size(); ++i) worst = std::max(worst, std::abs(clip[i] - expected[i]));
    CHECK(worst <= c.tolerance.at("exact").at("levels").get<int>());
  }
}
