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
#include <scale/video/detail/video_file.hpp>
#include <scale/video/frames.hpp>
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

/// What decoding a whole video once tells.
struct first_pass {
  video_info info;
  first_frame first;
  frame_table table;
  frame_size size;  // that frames are brought to

  frame_converter converter(std::filesystem::path const& path) const {
    return frame_converter(path.string(), size, first);
  }
};

inline frame_source open_source(video_file const& file, read_options const& options) {
  expect(options.short_side >= 1, "read_options", "short_side must be at least 1");
  expect(options.max_pixels >= 1, "read_options", "max_pixels must be at least 1");
  expect(options.max_frames >= 1, "read_options", "max_frames must be at least 1");
  expect(options.max_streams >= 1, "read_options", "max_streams must be at least 1");
  return frame_source(file, options);
}

inline frame_size working_size_of(std::filesystem::path const& path, frame_size shown, read_options const& options) {
  try {
    return working_size(shown, options.short_side);
  } catch (input_error const& e) {
    throw input_error(path.string() + ": " + e.what());
  }
}

/// Decodes a video through and hands `use(frame, index, converter)` every frame.
/// Throws input_error for a video with nothing to decode, or damaged while such are refused.
template <class Use>
first_pass decode_every(frame_source& source, read_options const& options, Use&& use) {
  first_pass pass;
  std::optional<frame_converter> convert;
  std::filesystem::path const& path = source.input().path();
  while (AVFrame* const frame = source.next()) {
    if (!convert) {
      pass.first = describe_first_frame(*frame, source.stream(), pass.info);
      pass.size = working_size_of(path, pass.info.size, options);
      convert.emplace(pass.converter(path));
    }
    if (pass.table.frames() == options.max_frames)
      throw input_error(path.string() + ": more than the limit of " + std::to_string(options.max_frames) +
                        " frames (read_options.max_frames)");
    pass.table.add(*frame);
    use(*frame, pass.table.frames() - 1, *convert);
  }
  damage_report const& damage = source.damage();
  if (pass.table.frames() == 0)
    throw input_error(
        path.string() + ": no frame can be decoded" +
        (damage.damaged_frames > 0 ? " whole, " + std::to_string(damage.damaged_frames) + " in part" : "") +
        (damage.errors > 0 ? ": " + damage.first : ""));
  video_info& info = pass.info;
  info.frames = pass.table.frames();
  info.errors = damage.errors;
  info.damaged_frames = damage.damaged_frames;
  info.first_error = damage.first;
  if (damage.errors > 0 && options.damaged == damaged_videos::refuse)
    throw input_error(path.string() + ": damaged: " + std::to_string(damage.errors) + " errors, " +
                      std::to_string(damage.damaged_frames) + " frames broken, " + std::to_string(info.frames) +
                      " frames good; first error: " + damage.first + " (damaged videos can be allowed)");
  info.duration = pass.table.duration(source.stream());
  info.fps = static_cast<double>(info.frames) / info.duration;
  info.timestamps.reserve(pass.table.ticks().size());
  for (std::int64_t const tick : pass.table.ticks())
    info.timestamps.push_back(static_cast<double>(tick) * source.seconds_per_tick());
  return pass;
}

/// Decodes a video through, keeping nothing.
inline first_pass count_frames(video_file const& file, read_options const& options) {
  frame_source source = open_source(file, options);
  source.count_only();
  return decode_every(source, options, [](AVFrame const&, std::int64_t, frame_converter const&) {});
}

/// Throws input_error where `count` frames are more than may be returned.
inline void check_memory(std::filesystem::path const& path, frame_size size, std::size_t count,
                         read_options const& options) {
  if (count > options.memory_limit / frame_bytes(size))
    throw input_error(path.string() + ": " + std::to_string(count) + " frames of " + std::to_string(size.width) + "x" +
                      std::to_string(size.height) + " take more than the limit of " +
                      std::to_string(options.memory_limit) +
                      " bytes (read_options.memory_limit); ask for fewer frames, or take them one by one");
}

/// One pass for frames known beforehand: converts those of which `wanted(index)` holds while decoding.
template <std::predicate<std::int64_t> Wanted>
decoded_video decode_known(video_file const& file, read_options const& options, Wanted&& wanted) {
  frame_source source = open_source(file, options);
  decoded_video video({}, {});
  first_pass pass =
      decode_every(source, options, [&](AVFrame const& frame, std::int64_t index, frame_converter& convert) {
        if (index == 0) video = decoded_video({}, convert.size());
        if (!wanted(index)) return;
        check_memory(file.path(), convert.size(), video.indices().size() + 1, options);
        convert(frame, video.add(index));
      });
  video.set_info(std::move(pass.info));
  return video;
}

/// How many frames the file says it has, 0 where it does not say. Not to be relied on: only to spare work.
inline std::int64_t declared_frames(AVStream const& stream) {
  if (stream.nb_frames > 0) return stream.nb_frames;
  AVRational const rate = stream.avg_frame_rate;
  if (stream.duration <= 0 || rate.num <= 0 || rate.den <= 0) return 0;
  return av_rescale_q(stream.duration, stream.time_base, av_inv_q(rate));
}

/// One pass that converts every frame, and keeps all in `video` or, where they exceed the budget, none. A video that
/// says beforehand that it exceeds it is not kept at all, so that memory does not grow with a video's length.
inline first_pass decode_keeping(video_file const& file, read_options const& options, decoded_video& video) {
  frame_source source = open_source(file, options);
  bool keeping = true;
  first_pass pass =
      decode_every(source, options, [&](AVFrame const& frame, std::int64_t index, frame_converter& convert) {
        if (!keeping) return;
        std::size_t const most = options.memory_budget / frame_bytes(convert.size());
        if (index == 0) video = decoded_video({}, convert.size());
        bool const too_many = index == 0 && declared_frames(source.stream()) > static_cast<std::int64_t>(most);
        if (!too_many && video.indices().size() < most) {
          convert(frame, video.add(index));
          return;
        }
        keeping = false;
        video.clear();
        source.count_only();
      });
  video.set_info(pass.info);
  return pass;
}

/// Frames that are asked for, as they are decoded: `add(index)` is memory for one of them, indices ascend; `clear()`
/// forgets all.
template <class Frames>
concept frame_sink = requires(Frames& frames, std::int64_t index) {
  { frames.add(index) } -> std::same_as<std::uint8_t*>;
  frames.clear();
};

/// Adds the frames to `frames` by decoding again from the start.
template <frame_sink Frames>
void decode_through(video_file const& file, read_options const& options, std::span<std::int64_t const> wanted,
                    frame_converter& convert, Frames& frames) {
  frame_source source = open_source(file, options);
  std::size_t n = 0;
  for (std::int64_t index = 0; n < wanted.size(); ++index) {
    AVFrame const* const frame = source.next();
    if (frame == nullptr) file.refuse("fewer frames than a moment ago: did the file change?");
    if (index != wanted[n]) continue;
    convert(*frame, frames.add(index));
    ++n;
  }
}

/// The same with jumps. Frames are known by their timestamps, and used only from the second keyframe after a jump on.
/// False, and only some frames added, where the file cannot be trusted to seek.
template <frame_sink Frames>
bool decode_seeking(video_file const& file, read_options const& options, std::span<std::int64_t const> wanted,
                    frame_table const& table, frame_converter& convert, Frames& frames) {
  constexpr std::int64_t worth_a_jump = 32;  // frames; decoding fewer costs less than a seek
  frame_source source = open_source(file, options);
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
        convert(*frame, frames.add(target));
      }
    } while (last < target);
  }
  return true;
}

/// Adds the frames by a second pass, with jumps where these are allowed and can be trusted.
template <frame_sink Frames>
void decode_again(video_file const& file, read_options const& options, std::span<std::int64_t const> wanted,
                  first_pass const& pass, Frames& frames) {
  frame_converter convert = pass.converter(file.path());
  bool const may_seek = options.access == frame_access::seek && pass.table.seekable() && pass.info.errors == 0;
  if (may_seek && decode_seeking(file, options, wanted, pass.table, convert, frames)) return;
  frames.clear();
  decode_through(file, options, wanted, convert, frames);
}

/// Throws argument_error unless these are frames of the video, ascending.
inline void check_choice(std::span<std::int64_t const> wanted, video_info const& info) {
  for (std::size_t i = 0; i < wanted.size(); ++i)
    expect(wanted[i] >= 0 && wanted[i] < info.frames && (i == 0 || wanted[i] > wanted[i - 1]), "read_frames",
           "indices must ascend without repetition and lie within the video");
}

}  // namespace scale::video::detail
