// SPDX-License-Identifier: Apache-2.0
#pragma once
// The type of what reads chosen frames: in this process, or in one that can do nothing else.

#include <scale/video/decoded_video.hpp>
#include <scale/video/video_info.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

namespace scale::video {

/// Names the frames to read of a video that is known by then. May be called more than once.
using frame_choice = std::function<std::vector<std::int64_t>(video_info const&)>;

/// Does what read_chosen_frames does, for several threads at a time.
using frame_reader =
    std::function<decoded_video(std::filesystem::path const&, frame_choice const&, read_options const&)>;

}  // namespace scale::video
