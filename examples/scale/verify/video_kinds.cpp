// SPDX-License-Identifier: Apache-2.0
// Golden kinds clip_times, positions, resize_crop, crop_box, colour.
#include <scale/video/clip_times.hpp>
#include <scale/video/colour_augment.hpp>
#include <scale/video/crop_box.hpp>
#include <scale/video/positions.hpp>
#include <scale/video/resize.hpp>

#include "scale/verify/kinds.hpp"

#include <algorithm>
#include <cmath>

namespace scale::program {

template <class T>
void verify_clip_times(golden_case const& golden, comparison& result) {
  auto const& config = golden.config();
  video::clip_sampling const sampling{config.at("num_frames").get<int>(), config.at("sampling_rate").get<double>(),
                                      config.at("target_fps").get<double>()};
  bool const val = config.at("mode") == "val";
  int const starts = val ? 5 : 1;
  auto const frames = golden.stored<std::int64_t>("video_frames");
  auto const fps = golden.stored<double>("fps");
  auto const fraction = val ? std::vector<double>(frames.size()) : golden.stored<double>("fraction");
  std::vector<double> size, start, end, indices;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    size.push_back(video::clip_size(sampling, fps[i]));
    for (int k = 0; k < starts; ++k) {
      auto const time = val ? video::clip_at_even_step(frames[i], size.back(), k, starts)
                            : video::clip_at_fraction(frames[i], size.back(), fraction[i]);
      start.push_back(time.start);
      end.push_back(time.end);
      for (std::int64_t const index : video::clip_indices(time, frames[i], sampling.num_frames))
        indices.push_back(static_cast<double>(index));
    }
  }
  result.check("clip_size", size);
  result.check("start", start);
  result.check("end", end);
  result.check("indices", indices);
}

template <class T>
void verify_positions(golden_case const& golden, comparison& result) {
  auto const raw = golden.stored<T>("raw");
  std::vector<T> normalized(raw.size());
  video::normalize_positions(std::span<T const>(raw), std::span<T>(normalized));
  result.check("normalized", normalized);
}

template <class T>
void verify_resize_crop(golden_case const& golden, comparison& result) {
  auto const& config = golden.config();
  auto const extents = golden.filled_shape("frames");
  auto const numbers = golden.filled("frames");
  std::vector<std::uint8_t> const bytes(numbers.begin(), numbers.end());
  video::frame_size const size{static_cast<int>(extents[1]), static_cast<int>(extents[2])};
  std::vector<video::frame_view> frames;
  for (index_t t = 0; t < extents[0]; ++t)
    frames.push_back({bytes.data() + t * extents[1] * extents[2] * 3, extents[2] * 3, size});
  video::pixel_statistics pixels;
  pixels.mean.fill(config.at("mean").get<double>());
  pixels.std.fill(config.at("std").get<double>());
  auto const number = [&](char const* key) { return config.at(key).get<int>(); };
  std::string const mode = config.at("mode");
  auto const flipped = mode != "val" && number("flip") != 0 ? video::flip::horizontal : video::flip::none;
  std::vector<video::crop_geometry> crops;
  if (mode == "val") {
    for (int k = 0; k < 3; ++k) crops.push_back(video::spatial_crop(size, number("short_side"), number("crop"), k));
  } else if (mode == "box") {
    video::pixel_box const box{number("top"), number("left"), number("height"), number("width")};
    crops.push_back(video::box_crop(box, number("out"), flipped));
  } else if (mode == "short_side") {
    crops.push_back(
        video::short_side_crop(size, number("short_side"), number("crop"), number("top"), number("left"), flipped));
  } else {
    throw input_error(golden.file().path().string() + ": unknown mode '" + mode + "' of resize_crop");
  }
  std::vector<T> clip;
  std::vector<double> positions;
  for (auto const& crop : crops) {
    std::vector<T> one(static_cast<std::size_t>(3 * extents[0] * crop.window.height * crop.window.width));
    video::resize_crop<T>(frames, crop, pixels, one);
    clip.insert(clip.end(), one.begin(), one.end());
    auto const at = mode == "val" ? video::resized_position(crop) : video::source_position(crop);
    positions.insert(positions.end(), at.begin(), at.begin() + 5);
  }
  result.check("clip", clip);
  result.check("position", positions);
  if (golden.file().find("resized") != nullptr)
    result.check("resized", std::vector<int>{crops[0].resized.height, crops[0].resized.width});
}

void verify_crop_box(golden_case const& golden, comparison& result) {
  auto const frame = golden.stored<std::int32_t>("frame");
  auto const area = golden.stored<double>("area"), aspect = golden.stored<double>("aspect");
  auto const offset = golden.stored<double>("offset");
  video::crop_range range;
  range.least_aspect = golden.config().at("ratio").at(0).get<double>();
  range.most_aspect = golden.config().at("ratio").at(1).get<double>();
  std::vector<int> boxes;
  for (std::size_t i = 0; i < area.size(); ++i) {
    video::frame_size const size{frame[2 * i], frame[2 * i + 1]};
    auto const box = video::try_crop_box(size, {area[i], aspect[i], offset[2 * i], offset[2 * i + 1]});
    auto const kept = box ? *box : video::fallback_crop_box(size, range);
    for (int const v : {kept.top, kept.left, kept.height, kept.width, box ? 0 : 1}) boxes.push_back(v);
  }
  result.check("box", boxes);
}

void verify_colour(golden_case const& golden, comparison& result) {
  auto const& config = golden.config();
  video::colour_draw draw;
  for (char const step : config.at("order").get<std::string>()) {
    auto const place = std::string_view("bcsh").find(step);
    if (place == std::string_view::npos || draw.steps == 4)
      throw input_error(golden.file().path().string() + ": unknown order of colour operations");
    draw.order[static_cast<std::size_t>(draw.steps++)] = static_cast<video::colour_step>(place);
  }
  draw.brightness = config.at("brightness");
  draw.contrast = config.at("contrast");
  draw.saturation = config.at("saturation");
  draw.hue = config.at("hue");
  draw.grey = config.at("grey").is_boolean() ? config.at("grey").get<bool>() : config.at("grey") != 0;
  draw.blur_sigma = config.at("blur_sigma");
  draw.scope = video::blur_scope::clip;
  auto const& extents = golden.file().at("frames").shape;
  auto clip = golden.stored<std::uint8_t>("frames");
  video::augment_colour(clip, {static_cast<int>(extents[1]), static_cast<int>(extents[2])}, draw);
  auto const expected = golden.stored<std::uint8_t>("expected");
  int worst = 0;
  for (std::size_t i = 0; i < clip.size(); ++i) worst = std::max(worst, std::abs(clip[i] - expected[i]));
  result.check_within("expected", worst, golden.tolerances().at("exact").at("levels").get<double>());
}

template void verify_clip_times<float>(golden_case const&, comparison&);
template void verify_clip_times<double>(golden_case const&, comparison&);
template void verify_positions<float>(golden_case const&, comparison&);
template void verify_positions<double>(golden_case const&, comparison&);
template void verify_resize_crop<float>(golden_case const&, comparison&);
template void verify_resize_crop<double>(golden_case const&, comparison&);

}  // namespace scale::program
