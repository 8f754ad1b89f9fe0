// SPDX-License-Identifier: Apache-2.0
#pragma once
// When a clip lies in a video: its length, the latest start, and the exact frames it samples. Frames, not seconds,
// are the unit of time here; a frame rate is only needed to know how long a clip is.

#include <scale/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace scale::video {

/// How a clip is sampled: `num_frames` frames, every `stride`-th frame of the video played at `target_fps`.
struct clip_sampling {
  int num_frames = 16;
  double stride = 4;
  double target_fps = 30;
};

/// First and last position of a clip, in frames of the file (real numbers); end = start + clip size - 1.
struct clip_time {
  double start = 0;
  double end = 0;
};

/// Length of a clip in frames of a video of `fps`: max(1, stride * num_frames / target_fps * fps).
inline double clip_size(clip_sampling const& sampling, double fps) {
  expect(sampling.num_frames >= 1, "clip_size", "num_frames must be at least 1");
  expect(sampling.stride > 0 && sampling.target_fps > 0, "clip_size", "stride and target_fps must be positive");
  expect(fps > 0 && std::isfinite(fps), "clip_size", "fps must be positive and finite");
  return (std::max)(1.0, sampling.stride * sampling.num_frames / sampling.target_fps * fps);
}

/// The latest start of a clip of `size` frames in a video of `video_frames`; 0 where the video is shorter.
inline double latest_start(std::int64_t video_frames, double size) {
  return (std::max)(static_cast<double>(video_frames) - size, 0.0);
}

/// The clip that starts at `fraction` (0 to 1) of the latest start.
inline clip_time clip_at_fraction(std::int64_t video_frames, double size, double fraction) {
  double const start = latest_start(video_frames, size) * fraction;
  return {start, start + size - 1};
}

/// Clip k of `count` evenly spaced ones: start = latest start * k / count, so the last possible start is not taken.
inline clip_time clip_at_even_step(std::int64_t video_frames, double size, int k, int count) {
  double const start = latest_start(video_frames, size) * k / count;
  return {start, start + size - 1};
}

/// The frames of a clip, each in [0, video_frames - 1] and not decreasing: trunc(clamp(linspace(start, end, n))).
/// `indices.size()` is the number of frames. linspace is computed in fp32, from both ends towards the middle, each
/// product and sum rounded on its own: the outcome at whole numbers hangs on it. One frame alone lies at the start.
inline void clip_indices(clip_time time, std::int64_t video_frames, std::span<std::int64_t> indices) {
  expect(video_frames >= 1, "clip_indices", "a video has at least one frame");
  auto const n = static_cast<int>(indices.size());
  auto const a = static_cast<float>(time.start);
  auto const b = static_cast<float>(time.end);
  float const step = n > 1 ? (b - a) / static_cast<float>(n - 1) : 0.0f;
  for (int i = 0; i < n; ++i) {
    int const steps = i < n / 2 || n == 1 ? i : n - 1 - i;
    // The product is exact in double and then rounded to float: a compiler cannot fuse it with the sum.
    auto const offset = static_cast<float>(static_cast<double>(step) * steps);
    float const at = i < n / 2 || n == 1 ? a + offset : b - offset;
    float const last = static_cast<float>(video_frames - 1);
    auto const index = static_cast<std::int64_t>((std::min)((std::max)(at, 0.0f), last));
    indices[static_cast<std::size_t>(i)] = (std::min)(index, video_frames - 1);
  }
}

inline std::vector<std::int64_t> clip_indices(clip_time time, std::int64_t video_frames, int num_frames) {
  expect(num_frames >= 1, "clip_indices", "a clip has at least one frame");
  std::vector<std::int64_t> indices(static_cast<std::size_t>(num_frames));
  clip_indices(time, video_frames, std::span<std::int64_t>(indices));
  return indices;
}

}  // namespace scale::video
