// SPDX-License-Identifier: Apache-2.0
#pragma once
// The ways through a video: once for frames known beforehand, once keeping all frames, again from the start, again
// with jumps.

#include <scale/core/error.hpp>
#include <scale/video/decoded_video.hpp>
#include <scale/video/detail/first_frame.hpp>
#include <scale/video/detail/frame_converter.hpp>
#include <scale/video/detail/frame_source.hpp>
#include <scale/video/detail/frame_table.hpp>
#include <scale/video/video_info.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace scale::video::detail {

/// A whole video decoded once: its facts, and its frames as long as they fit the budget.
struct first_pass {
  video_info info;
  first_frame first;
  frame_table table;
  std::vector<frame_ptr> kept;
  bool complete = false;  // whether `kept` has every frame
};

/// Decodes a video through, hands `use(frame, index)` every frame, and gathers its facts into `pass`.
/// Throws input_error for a video with nothing to decode, or damaged while such are refused.
template <class Use>
void decode_every(frame_source& source, read_options const& options, first_pass& pass, Use&& use) {
  while (AVFrame* const frame = source.next()) {
    if (pass.table.frames() == 0) pass.first = describe_first_frame(*frame, source.stream(), pass.info);
    pass.table.add(*frame);
    use(*frame, pass.table.frames() - 1);
  }
  damage_report const& damage = source.damage();
  std::string const name = source.input().path().string();
  if (pass.table.frames() == 0)
    throw input_error(
        name + ": no frame can be decoded" +
        (damage.damaged_frames > 0 ? " whole, " + std::to_string(damage.damaged_frames) + " in part" : "") +
        (damage.errors > 0 ? ": " + damage.first : ""));
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
}

inline frame_source open_source(std::filesystem::path const& path, read_options const& options) {
  expect(options.short_side >= 1, "read_options", "short_side must be at least 1");
  expect(options.max_pixels >= 1, "read_options", "max_pixels must be at least 1");
  return frame_source(path, options);
}

inline std::size_t frame_memory(AVFrame const& frame) {
  std::size_t bytes = sizeof(AVFrame);
  for (AVBufferRef const* const buffer : frame.buf)
    if (buffer != nullptr) bytes += static_cast<std::size_t>(buffer->size);
  return bytes;
}

/// Keeps the decoded frames, all or none, within `budget` bytes.
inline first_pass decode_once(std::filesystem::path const& path, read_options const& options, std::size_t budget) {
  frame_source source = open_source(path, options);
  first_pass pass;
  pass.complete = budget > 0;
  if (!pass.complete) source.count_only();
  std::size_t used = 0;
  decode_every(source, options, pass, [&](AVFrame const& frame, std::int64_t) {
    if (!pass.complete) return;
    used += frame_memory(frame);
    if (used <= budget) {
      pass.kept.push_back(allocated(frame_ptr(av_frame_clone(&frame))));
    } else {
      pass.complete = false;
      std::vector<frame_ptr>().swap(pass.kept);
      source.count_only();
    }
  });
  return pass;
}

/// One pass for frames known beforehand: converts those of which `wanted(index)` holds while decoding.
template <std::predicate<std::int64_t> Wanted>
decoded_video decode_known(std::filesystem::path const& path, read_options const& options, Wanted&& wanted) {
  frame_source source = open_source(path, options);
  first_pass pass;
  decoded_video video({}, {});
  std::optional<frame_converter> convert;
  decode_every(source, options, pass, [&](AVFrame const& frame, std::int64_t index) {
    if (!convert) {
      frame_size const size = working_size(pass.info.size, options.short_side);
      video = decoded_video({}, size);
      convert.emplace(path.string(), size, pass.first);
    }
    if (wanted(index)) (*convert)(frame, video.add(index));
  });
  video.set_info(std::move(pass.info));
  return video;
}

/// Adds the frames to `video` by decoding again from the start.
inline void decode_through(std::filesystem::path const& path, read_options const& options,
                           std::span<std::int64_t const> wanted, frame_converter& convert, decoded_video& video) {
  frame_source source = open_source(path, options);
  std::size_t n = 0;
  for (std::int64_t index = 0; n < wanted.size(); ++index) {
    AVFrame const* const frame = source.next();
    if (frame == nullptr) throw input_error(path.string() + ": fewer frames than a moment ago: did the file change?");
    if (index != wanted[n]) continue;
    convert(*frame, video.add(index));
    ++n;
  }
}

/// The same with jumps. Frames are known by their timestamps, and used only from the second keyframe after a jump on.
/// False, and only some frames added, where the file cannot be trusted to seek.
inline bool decode_seeking(std::filesystem::path const& path, read_options const& options,
                           std::span<std::int64_t const> wanted, frame_table const& table, frame_converter& convert,
                           decoded_video& video) {
  constexpr std::int64_t worth_a_jump = 32;  // frames; decoding fewer costs less than a seek
  frame_source source = open_source(path, options);
  std::int64_t last = -1;  // the frame decoded last
  for (std::int64_t const target : wanted) {
    std::int64_t const entry = table.entry_for(target);
    bool jumped = entry > last + worth_a_jump;
    int keys_to_pass = jumped ? 2 : 0;
    if (jumped && !source.seek(table.ticks()[static_cast<std::size_t>(entry)])) return false;
    do {
      AVFrame const* const frame = source.next();
      if (frame == nullptr) return false;
      auto const index = table.index_at(frame->best_effort_timestamp);
      if (!index || *index > target || (!jumped && *index != last + 1)) return false;
      if (is_key_frame(*frame) && keys_to_pass > 0) --keys_to_pass;
      last = *index;
      if (last == target) {
        if (keys_to_pass > 0) return false;
        convert(*frame, video.add(target));
      }
    } while (last < target);
  }
  return true;
}

}  // namespace scale::video::detail
