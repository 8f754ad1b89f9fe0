// SPDX-License-Identifier: Apache-2.0
#pragma once
// Frames of one video in memory, RGB, with what is known of the video.

#include <scale/core/error.hpp>
#include <scale/video/frames.hpp>
#include <scale/video/video_info.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace scale::video {

/// Frames of one video, RGB, all of one size. Owns them.
class decoded_video {
 public:
  decoded_video(video_info info, frame_size size) : info_(std::move(info)), size_(size) {}

  video_info const& info() const noexcept { return info_; }
  frame_size size() const noexcept { return size_; }

  /// The frames held, ascending.
  std::span<std::int64_t const> indices() const noexcept { return indices_; }

  /// Frame `index` of the video. Throws argument_error where it was not asked for. O(log n).
  frame_view frame(std::int64_t index) const {
    auto const at = std::lower_bound(indices_.begin(), indices_.end(), index);
    expect(at != indices_.end() && *at == index, "decoded_video", "this frame was not read");
    return {pixels_[static_cast<std::size_t>(at - indices_.begin())].get(), std::ptrdiff_t{3} * size_.width, size_};
  }

  /// Adds a frame behind all others: its memory [height, width, 3], for the caller to fill.
  std::uint8_t* add(std::int64_t index) {
    expect(indices_.empty() || index > indices_.back(), "decoded_video", "frames must be added in order");
    // One allocation per frame, not cleared: memory comes back from the video before.
    pixels_.emplace_back(new std::uint8_t[frame_bytes(size_)]);
    indices_.push_back(index);
    return pixels_.back().get();
  }

  /// Drops all frames but these, which ascend and are all held.
  void keep(std::span<std::int64_t const> wanted) {
    std::size_t at = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i, ++at) {
      while (at < indices_.size() && indices_[at] != wanted[i]) ++at;
      expect(at < indices_.size(), "decoded_video", "frames to keep must ascend and have been read");
      pixels_[i] = std::move(pixels_[at]);
    }
    pixels_.resize(wanted.size());
    indices_.assign(wanted.begin(), wanted.end());
  }

  void clear() noexcept {
    indices_.clear();
    pixels_.clear();
  }

  void set_info(video_info info) { info_ = std::move(info); }

 private:
  video_info info_;
  frame_size size_;
  std::vector<std::int64_t> indices_;
  std::vector<std::unique_ptr<std::uint8_t[]>> pixels_;
};

}  // namespace scale::video
