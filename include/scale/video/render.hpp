// SPDX-License-Identifier: Apache-2.0
#pragma once
// From a video file to its planned clips, and the frames these need.

#include <scale/video/frame_reader.hpp>
#include <scale/video/reader.hpp>
#include <scale/video/render_clip.hpp>
#include <scale/video/views.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <utility>
#include <vector>

namespace scale::video {

/// Clips that someone wants of a video.
struct view_request {
  view_options views;
  std::uint64_t seed = 42;
};

/// A video with the plans of several requests, in their order, and all frames that these need.
struct shared_video {
  decoded_video video;
  std::vector<std::vector<planned_clip>> plans;
};

/// Decodes a video once for the clips of all requests: each plan and frame is what the request alone would get. Throws
/// as `read`, unless given read_chosen_frames, and plan_views do.
inline shared_video read_views(std::filesystem::path const& path, std::span<view_request const> requests,
                               std::uint32_t video_index, read_options const& options = {},
                               frame_reader const& read = {}) {
  std::vector<std::vector<planned_clip>> plans;
  auto const choose = [&](video_info const& info) {
    plans.clear();  // a reader may have to choose again
    std::vector<std::int64_t> wanted;
    for (view_request const& request : requests) {
      plans.push_back(plan_views(info.frames, info.fps, working_size(info.size, options.short_side), request.views,
                                 request.seed, video_index));
      std::vector<std::int64_t> const more = frames_of(plans.back());
      wanted.insert(wanted.end(), more.begin(), more.end());
    }
    std::sort(wanted.begin(), wanted.end());
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    return wanted;
  };
  decoded_video video = read ? read(path, choose, options) : read_chosen_frames(path, choose, options);
  return {std::move(video), std::move(plans)};
}

/// The same for one request.
inline planned_video read_views(std::filesystem::path const& path, view_options const& views, std::uint64_t seed,
                                std::uint32_t video_index, read_options const& options = {}) {
  view_request const request{views, seed};
  shared_video shared = read_views(path, std::span(&request, 1), video_index, options);
  return {std::move(shared.video), std::move(shared.plans.front())};
}

}  // namespace scale::video
