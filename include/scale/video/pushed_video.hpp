// SPDX-License-Identifier: Apache-2.0
#pragma once
// A video whose frames an application has in its memory, made one by one.

#include <scale/core/error.hpp>
#include <scale/video/decoded_video.hpp>
#include <scale/video/frames.hpp>
#include <scale/video/render_clip.hpp>
#include <scale/video/views.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace scale::video {

/// Frames of the short side at which a model's features were extracted give features like those.
class pushed_video {
 public:
  /// Of frames of `size`, `fps` per second.
  pushed_video(frame_size size, double fps, location at = location::current()) : video_({}, size) {
    expect(size.height > 0 && size.width > 0, "pushed_video", "a frame has at least one pixel", at);
    expect(fps > 0 && std::isfinite(fps), "pushed_video", "the frame rate must be positive", at);
    info_.size = size;
    info_.fps = fps;
  }

  /// Copies the next frame.
  void push(frame_view const& frame, location at = location::current()) {
    expect(frame.size == info_.size, "pushed_video", "a frame must have the video's size", at);
    std::size_t const row = 3 * static_cast<std::size_t>(info_.size.width);
    std::uint8_t* to = video_.add(info_.frames);
    for (int y = 0; y < info_.size.height; ++y, to += row) std::copy_n(frame.pixels + y * frame.stride, row, to);
    info_.timestamps.push_back(static_cast<double>(info_.frames) / info_.fps);
    info_.duration = static_cast<double>(++info_.frames) / info_.fps;
  }

  /// The video with the plan of its clips; nothing is left here. Throws as plan_views does.
  planned_video plan(view_options const& views, std::uint64_t seed = 42, std::uint32_t video_index = 0,
                     location at = location::current()) && {
    std::vector<planned_clip> clips = plan_views(info_.frames, info_.fps, info_.size, views, seed, video_index, at);
    video_.set_info(std::move(info_));
    return {std::move(video_), std::move(clips)};
  }

 private:
  video_info info_;
  decoded_video video_;
};

}  // namespace scale::video
