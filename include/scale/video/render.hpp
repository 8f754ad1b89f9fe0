// SPDX-License-Identifier: Apache-2.0
#pragma once
// From a video file to its planned clips, and the frames these need.

#include <scale/video/reader.hpp>
#include <scale/video/render_clip.hpp>
#include <scale/video/views.hpp>

#include <cstdint>
#include <filesystem>
#include <utility>
#include <vector>

namespace scale::video {

/// Decodes a video once for all its clips. Throws as read_chosen_frames and plan_views do.
inline planned_video read_views(std::filesystem::path const& path, view_options const& views, std::uint64_t seed,
                                std::uint32_t video_index, read_options const& options = {}) {
  std::vector<planned_clip> plan;
  decoded_video video = read_chosen_frames(
      path,
      [&](video_info const& info) {
        plan = plan_views(info.frames, info.fps, working_size(info.size, options.short_side), views, seed, video_index);
        return frames_of(plan);
      },
      options);
  return {std::move(video), std::move(plan)};
}

}  // namespace scale::video
