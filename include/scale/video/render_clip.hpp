// SPDX-License-Identifier: Apache-2.0
#pragma once
// From frames in memory and a planned clip to the numbers a backbone takes.

#include <scale/core/error.hpp>
#include <scale/video/colour_augment.hpp>
#include <scale/video/decoded_video.hpp>
#include <scale/video/frames.hpp>
#include <scale/video/resize.hpp>
#include <scale/video/views.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace scale::video {

/// clip [3, frames, h, w] = the planned clip, normalised by `pixels`. `video` must hold the clip's frames at the size
/// planned for. Allocates a copy of the frames only where colours are augmented.
template <std::floating_point T>
void render_clip(decoded_video const& video, planned_clip const& plan, pixel_statistics const& pixels,
                 std::span<T> clip, location at = location::current()) {
  std::vector<frame_view> frames;
  frames.reserve(plan.indices.size());
  for (std::int64_t const index : plan.indices) frames.push_back(video.frame(index));
  std::vector<std::uint8_t> coloured;
  if (plan.colour) {
    auto const row = static_cast<std::size_t>(video.size().width) * 3;
    std::size_t const bytes = row * static_cast<std::size_t>(video.size().height);
    coloured.resize(bytes * frames.size());
    for (std::size_t t = 0; t < frames.size(); ++t) std::copy_n(frames[t].pixels, bytes, coloured.data() + t * bytes);
    augment_colour(coloured, video.size(), *plan.colour, at);
    for (std::size_t t = 0; t < frames.size(); ++t) frames[t].pixels = coloured.data() + t * bytes;
  }
  resize_crop<T>(frames, plan.geometry, pixels, clip, at);
}

/// A video with the plan of its clips, and all frames these need.
struct planned_video {
  decoded_video video;
  std::vector<planned_clip> clips;
};

}  // namespace scale::video
