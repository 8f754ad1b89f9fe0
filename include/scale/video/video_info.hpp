// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is known of a video once it was decoded, and how it is to be read.

#include <scale/core/error.hpp>
#include <scale/video/crop_box.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace scale::video {

/// Facts found by decoding; the file's headers are not believed.
struct video_info {
  std::int64_t frames = 0;         // good frames, in presentation order: indices 0 to frames - 1
  frame_size size;                 // of the first frame as shown, after rotation; sample aspect ratios are not applied
  int rotation = 0;                // clockwise degrees from stored to shown: 0, 90, 180, 270
  bool mirrored = false;           // whether the display matrix also mirrors
  double duration = 0;             // seconds from the first frame's start to the last frame's end, by timestamps
  double fps = 0;                  // frames / duration
  std::vector<double> timestamps;  // seconds, one per frame
  std::int64_t errors = 0;         // of file and decoder
  // Not among `frames`: decoded only in part, or after damage and before the next key frame.
  std::int64_t damaged_frames = 0;
  std::string first_error;
  std::string codec;
  std::string pixel_format;   // of the first frame, FFmpeg's name
  std::string colour_matrix;  // of the first frame: "bt709", "bt601", ..., stated or by default
  bool full_range = false;
};

enum class damaged_videos { refuse, allow };

/// How frames are reached in a second pass: `seek` jumps over stretches nobody wants where timestamps allow it. The
/// frames are the same either way.
enum class frame_access { seek, decode_through };

struct read_options {
  int short_side = 256;
  damaged_videos damaged = damaged_videos::refuse;
  std::int64_t max_pixels = std::int64_t{1} << 26;  // of a frame in the file, its rows padded; larger ones are refused
  std::int64_t max_frames = std::int64_t{1} << 24;  // a video of more is refused: some bytes are kept for each
  int max_streams = 1000;                           // of a file
  std::size_t memory_limit = std::size_t{4} << 30;  // bytes of the frames returned; a request for more is refused
  std::size_t memory_budget = std::size_t{512} << 20;  // bytes of frames kept to spare a second pass
  frame_access access = frame_access::seek;
  int stream = -1;  // index in the file, -1: FFmpeg's choice
  std::stop_token stop;
  std::optional<std::chrono::steady_clock::time_point> deadline = {};  // a video not read by then is refused
};

/// Size of a frame brought to a short side of `short_side`: the other is floor(long * short_side / short + 0.5).
/// Throws input_error where that is over 16 times the short side.
inline frame_size working_size(frame_size shown, int short_side) {
  expect(shown.height > 0 && shown.width > 0, "working_size", "a frame has at least one pixel");
  expect(short_side > 0, "working_size", "short_side must be positive");
  int const shorter = (std::min)(shown.height, shown.width);
  auto const scaled = [&](int side) {
    if (side == shorter) return short_side;
    double const longer = static_cast<double>(side) * short_side / shorter + 0.5;
    if (longer > 16.0 * short_side)
      throw input_error("frames of " + std::to_string(shown.width) + "x" + std::to_string(shown.height) +
                        " pixels are too narrow: one side may be up to 16 times the other");
    return static_cast<int>(longer);
  };
  return {scaled(shown.height), scaled(shown.width)};
}

}  // namespace scale::video
