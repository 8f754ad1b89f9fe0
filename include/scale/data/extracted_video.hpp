// SPDX-License-Identifier: Apache-2.0
#pragma once
// What an extraction makes of one video, and of which state of its file.

#include <scale/core/shape.hpp>
#include <scale/data/clip_extractor.hpp>

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace scale {

/// A file as it was when it was read.
struct file_stamp {
  std::uint64_t bytes = 0;
  std::int64_t nanoseconds = 0;  // of its last change

  bool operator==(file_stamp const&) const = default;
};

/// Zeros where the file cannot be examined.
inline file_stamp stamp_of(std::filesystem::path const& file) {
  struct ::stat found = {};
  if (::stat(file.c_str(), &found) != 0) return {};
  return {static_cast<std::uint64_t>(found.st_size),
          std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + std::int64_t{found.st_mtim.tv_nsec}};
}

/// What one video of a list gave.
struct extracted_video {
  index_t index = 0;    // in the list
  std::string failure;  // why there are no clips; empty where there are
  file_stamp stamp;
  std::uint32_t width = 0, height = 0;
  std::uint64_t frames = 0;
  double fps = 0;
  video_clips clips;
};

}  // namespace scale
