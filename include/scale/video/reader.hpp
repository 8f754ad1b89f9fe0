// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reading video files with FFmpeg: exact frames in presentation order, decoded once where memory allows, converted to
// upright 8-bit RGB of a fixed short side. docs: colour_matrix and range are each frame's own; where not stated the
// matrix is BT.709 from 720 rows up, else BT.601, and the range limited (full for yuvj formats, RGB and grey).

#include <scale/core/error.hpp>
#include <scale/video/detail/frame_converter.hpp>
#include <scale/video/detail/frame_source.hpp>
#include <scale/video/detail/frame_table.hpp>
#include <scale/video/frames.hpp>
#include <scale/video/video_info.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace scale::video {

/// Frames of one video, RGB, all of one size. Owns them.
class decoded_video {
 public:
  decoded_video(video_info info, frame_size size, std::vector<std::int64_t> indices)
      : info_(std::move(info)), size_(size), indices_(std::move(indices)), pixels_(indices_.size() * frame_bytes()) {}

  video_info const& info() const noexcept { return info_; }
  frame_size size() const noexcept { return size_; }

  /// The frames held, ascending.
  std::span<std::int64_t const> indices() const noexcept { return indices_; }

  /// Frame `index` of the video. Throws argument_error where it was not asked for. O(log n).
  frame_view frame(std::int64_t index) const {
    auto const at = std::lower_bound(indices_.begin(), indices_.end(), index);
    expect(at != indices_.end() && *at == index, "decoded_video", "this frame was not read");
    return {pixels_.data() + static_cast<std::size_t>(at - indices_.begin()) * frame_bytes(),
            std::ptrdiff_t{3} * size_.width, size_};
  }

  /// Memory [height, width, 3] of the n-th frame held, for whoever fills it.
  std::uint8_t* place(std::size_t n) { return pixels_.data() + n * frame_bytes(); }

 private:
  std::size_t frame_bytes() const noexcept {
    return 3 * static_cast<std::size_t>(size_.height) * static_cast<std::size_t>(size_.width);
  }

  video_info info_;
  frame_size size_;
  std::vector<std::int64_t> indices_;
  std::vector<std::uint8_t> pixels_;
};

namespace detail {

/// A whole video decoded once: its facts, and its frames as long as they fit the budget.
struct first_pass {
  video_info info;
  first_frame first;
  frame_table table;
  std::vector<frame_ptr> kept;
  bool complete = true;  // whether `kept` has every frame
};

inline std::size_t frame_memory(AVFrame const& frame) {
  std::size_t bytes = 0;
  for (AVBufferRef const* const buffer : frame.buf)
    if (buffer != nullptr) bytes += static_cast<std::size_t>(buffer->size);
  return bytes;
}

/// Throws input_error for a video with nothing to decode, or damaged while such are refused.
inline first_pass decode_once(std::filesystem::path const& path, read_options const& options, std::size_t budget) {
  expect(options.threads >= 1, "read_options", "threads must be at least 1");
  expect(options.short_side >= 1, "read_options", "short_side must be at least 1");
  frame_source source(path, options.stream, options.threads, options.stop);
  first_pass pass;
  pass.complete = budget > 0;
  if (!pass.complete) source.count_only();
  std::size_t used = 0;
  while (AVFrame* const frame = source.next()) {
    if (pass.table.frames() == 0) pass.first = describe_first_frame(*frame, source.stream(), pass.info);
    pass.table.add(*frame);
    if (!pass.complete) continue;
    used += frame_memory(*frame) + sizeof(AVFrame);
    if (used <= budget) {
      pass.kept.push_back(allocated(frame_ptr(av_frame_clone(frame))));
    } else {
      pass.complete = false;
      std::vector<frame_ptr>().swap(pass.kept);
      source.count_only();
    }
  }
  damage_report const& damage = source.damage();
  std::string const name = path.string();
  if (pass.table.frames() == 0)
    throw input_error(name + ": no frame can be decoded" + (damage.errors > 0 ? ": " + damage.first : ""));
  video_info& info = pass.info;
  info.frames = pass.table.frames();
  info.errors = damage.errors;
  info.damaged_frames = damage.damaged_frames;
  info.first_error = damage.first;
  if (damage.errors > 0 && options.damaged == damaged_videos::refuse)
    throw input_error(name + ": damaged: " + std::to_string(damage.errors) + " errors, " +
                      std::to_string(damage.damaged_frames) + " frames broken, " + std::to_string(info.frames) +
                      " frames good; first error: " + damage.first + " (damaged videos can be allowed)");
  info.duration = pass.table.duration(source.stream());
  info.fps = static_cast<double>(info.frames) / info.duration;
  info.timestamps.reserve(pass.table.ticks().size());
  for (std::int64_t const tick : pass.table.ticks())
    info.timestamps.push_back(static_cast<double>(tick) * source.seconds_per_tick());
  return pass;
}

/// Fills `video` by decoding again from the start.
inline void decode_through(std::filesystem::path const& path, read_options const& options, frame_converter& convert,
                           decoded_video& video) {
  frame_source source(path, options.stream, options.threads, options.stop);
  std::size_t n = 0;
  for (std::int64_t index = 0; n < video.indices().size(); ++index) {
    AVFrame const* const frame = source.next();
    if (frame == nullptr) throw input_error(path.string() + ": fewer frames than a moment ago: did the file change?");
    if (index == video.indices()[n]) convert(*frame, video.place(n++));
  }
}

/// The same with jumps. Frames are known by their timestamps, and used only from the second keyframe after a jump on.
/// False, and `video` half filled, where the file cannot be trusted to seek.
inline bool decode_seeking(std::filesystem::path const& path, read_options const& options, frame_table const& table,
                           frame_converter& convert, decoded_video& video) {
  constexpr std::int64_t worth_a_jump = 32;  // frames; decoding fewer costs less than a seek
  frame_source source(path, options.stream, options.threads, options.stop);
  std::int64_t last = -1;  // the frame decoded last
  for (std::size_t n = 0; n < video.indices().size(); ++n) {
    std::int64_t const wanted = video.indices()[n];
    std::int64_t const entry = table.entry_for(wanted);
    int keys_to_pass = 0;
    bool const jump = entry > last + worth_a_jump;
    if (jump) {
      if (!source.seek(table.ticks()[static_cast<std::size_t>(entry)])) return false;
      keys_to_pass = 2;
    }
    while (last < wanted || jump) {
      AVFrame const* const frame = source.next();
      if (frame == nullptr) return false;
      auto const index = table.index_at(frame->best_effort_timestamp);
      if (!index || (!jump && *index != last + 1) || *index > wanted) return false;
      if (is_key_frame(*frame) && keys_to_pass > 0) --keys_to_pass;
      last = *index;
      if (last < wanted) continue;
      if (keys_to_pass > 0) return false;
      convert(*frame, video.place(n));
      break;
    }
    if (last != wanted) return false;
  }
  return true;
}

}  // namespace detail

/// Decodes a video through and says what it is. No frame is kept: memory is some bytes per frame.
inline video_info probe(std::filesystem::path const& path, read_options const& options = {}) {
  return detail::decode_once(path, options, 0).info;
}

/// Reads the frames that `choose(video_info)` names, ascending and without repetition, each in [0, frames). One pass
/// where the decoded frames fit `options.memory_budget`, in which only the named ones are converted; else one to
/// count and one to convert, and memory is the budget plus the frames named. Every frame comes to the working size of
/// the first, also where the size changes within the stream.
/// Throws input_error (nothing decodes, damaged, not supported), cancelled_error.
template <std::invocable<video_info const&> Choose>
decoded_video read_chosen_frames(std::filesystem::path const& path, Choose&& choose, read_options const& options = {}) {
  detail::first_pass pass = detail::decode_once(path, options, options.memory_budget);
  std::vector<std::int64_t> wanted = choose(std::as_const(pass.info));
  for (std::size_t i = 0; i < wanted.size(); ++i)
    expect(wanted[i] >= 0 && wanted[i] < pass.info.frames && (i == 0 || wanted[i] > wanted[i - 1]), "read_frames",
           "indices must ascend without repetition and lie within the video");
  frame_size const size = working_size(pass.info.size, options.short_side);
  decoded_video video(std::move(pass.info), size, std::move(wanted));
  detail::frame_converter convert(size, pass.first.turn);
  if (pass.complete) {
    for (std::size_t n = 0; n < video.indices().size(); ++n) {
      auto& frame = pass.kept[static_cast<std::size_t>(video.indices()[n])];
      convert(*frame, video.place(n));
      frame.reset();
    }
    return video;
  }
  bool const may_seek = options.access == frame_access::seek && pass.table.exact() && video.info().errors == 0;
  if (!may_seek || !detail::decode_seeking(path, options, pass.table, convert, video))
    detail::decode_through(path, options, convert, video);
  return video;
}

/// Reads the frames named.
inline decoded_video read_frames(std::filesystem::path const& path, std::span<std::int64_t const> wanted,
                                 read_options const& options = {}) {
  return read_chosen_frames(
      path, [&](video_info const&) { return std::vector<std::int64_t>(wanted.begin(), wanted.end()); }, options);
}

/// Reads every frame: memory grows with the video.
inline decoded_video read_all_frames(std::filesystem::path const& path, read_options const& options = {}) {
  return read_chosen_frames(
      path,
      [](video_info const& info) {
        std::vector<std::int64_t> all(static_cast<std::size_t>(info.frames));
        std::iota(all.begin(), all.end(), std::int64_t{0});
        return all;
      },
      options);
}

}  // namespace scale::video
