// SPDX-License-Identifier: Apache-2.0
#pragma once
// The demonstration's videos: a textured shape over a textured background makes the same three motions, one after the
// other, in one of their six orders. The order is the class, so the average over a video's clips cannot see it.

#include <scale/core/random.hpp>

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace scale::program {

/// Sizes of the generated set.
struct demo_videos {
  int train = 1536, test = 512;
  int side = 80;           // pixels
  int motion_frames = 40;  // of each of the three motions
  int pause_frames = 16;   // of rest before each and after the last: no clip of so many frames sees two motions, and
                           // every motion begins and ends alike, so that an average over clips cannot tell them apart
  int frames() const { return 3 * motion_frames + 4 * pause_frames; }
};

inline constexpr std::array<char const*, 6> demo_classes = {"up, down, across", "up, across, down", "down, up, across",
                                                            "down, across, up", "across, up, down", "across, down, up"};

/// Class of video `index`: its look and its class are drawn apart.
int demo_class(std::uint64_t seed, std::uint32_t index);

/// Frames [v.frames()][side, side, 3] of video `index`.
std::vector<std::vector<std::uint8_t>> render_demo_video(demo_videos const& v, std::uint64_t seed, std::uint32_t index);

/// Writes train/*.mp4 and test/*.mp4 with train.csv and test.csv (path,label) below `folder`, on `threads` threads.
/// `progress(done)` is called from them; false stops the work.
void generate_demo_videos(demo_videos const& v, std::uint64_t seed, std::filesystem::path const& folder, int threads,
                          std::function<bool(int)> const& progress);

}  // namespace scale::program
