// SPDX-License-Identifier: Apache-2.0
#pragma once
// When each frame of a video is shown and which are keyframes: a few bytes per frame, gathered while decoding through.

#include <scale/video/detail/ffmpeg.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace scale::video::detail {

class frame_table {
 public:
  void add(AVFrame const& frame) {
    AVPixFmtDescriptor const* const layout = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
    if (layout == nullptr || (layout->flags & AV_PIX_FMT_FLAG_PAL) != 0) seekable_ = false;
    std::int64_t at = frame.best_effort_timestamp;
    if (at == AV_NOPTS_VALUE) {
      // No time stated: as far from the last frame as that was from the one before.
      at = ticks_.empty() ? 0 : ticks_.back() + (std::max)(std::int64_t{1}, last_duration_);
      seekable_ = false;
    }
    if (!ticks_.empty() && at <= ticks_.back()) seekable_ = false;
    last_duration_ = frame_duration(frame);
    if (last_duration_ <= 0 && !ticks_.empty()) last_duration_ = at - ticks_.back();
    if (is_key_frame(frame)) keys_.push_back(static_cast<std::int64_t>(ticks_.size()));
    ticks_.push_back(at);
    if (ticks_.size() == 1 || at >= latest_) {
      latest_ = at;
      latest_duration_ = frame_duration(frame);
    }
  }

  std::int64_t frames() const noexcept { return static_cast<std::int64_t>(ticks_.size()); }
  std::vector<std::int64_t> const& ticks() const noexcept { return ticks_; }

  /// Whether frames can be reached by jumps: all have timestamps that increase, so that one names a frame, and none has
  /// a palette, which may have come with any packet before it.
  bool seekable() const noexcept { return seekable_; }

  std::optional<std::int64_t> index_at(std::int64_t tick) const {
    auto const at = std::lower_bound(ticks_.begin(), ticks_.end(), tick);
    if (at == ticks_.end() || *at != tick) return std::nullopt;
    return at - ticks_.begin();
  }

  /// The frame to seek to for frame `index`: the keyframe before the last keyframe up to it, so that frames that
  /// refer over one keyframe (open groups of pictures) have all they need. 0: the beginning.
  std::int64_t entry_for(std::int64_t index) const {
    auto const after = std::upper_bound(keys_.begin(), keys_.end(), index);
    return after - keys_.begin() >= 2 ? *(after - 2) : 0;
  }

  /// Seconds from the first frame's start to the last one's end. A last frame without a duration lasts as long as
  /// frames do on average; a single one as the stream's frame rate says, or 1/25 s.
  double duration(AVStream const& stream) const {
    double const tick = av_q2d(stream.time_base);
    std::int64_t const first = *std::min_element(ticks_.begin(), ticks_.end());
    double const span = static_cast<double>(latest_ - first) * tick;
    if (latest_duration_ > 0) return span + static_cast<double>(latest_duration_) * tick;
    if (span > 0) return span * static_cast<double>(frames()) / static_cast<double>(frames() - 1);
    for (AVRational const rate : {stream.avg_frame_rate, stream.r_frame_rate})
      if (rate.num > 0 && rate.den > 0) return static_cast<double>(frames()) / av_q2d(rate);
    return static_cast<double>(frames()) / 25;
  }

 private:
  std::vector<std::int64_t> ticks_;
  std::vector<std::int64_t> keys_;
  bool seekable_ = true;
  std::int64_t last_duration_ = 0;
  std::int64_t latest_ = 0;
  std::int64_t latest_duration_ = 0;
};

}  // namespace scale::video::detail
