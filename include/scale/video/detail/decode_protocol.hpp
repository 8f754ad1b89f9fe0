// SPDX-License-Identifier: Apache-2.0
#pragma once
// What passes between a program and its decoding process, over one stream socket. Both ends are compiled together.
//
//   worker   hello
//   program  request, with the descriptor of a file
//   worker   reply `info`, info_record, its texts, the timestamps; or one that ends the request: `failure` and its
//            text, `no_memory`
//   program  where frames were asked for: choice_header, the indices of frames
//   worker   for each frame reply `frame` and its pixels; `again` where it begins anew; at last `done`, or as above

#include <scale/video/video_info.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

namespace scale::video::detail {

inline constexpr std::uint32_t protocol_number = 0x5ca1de01;
inline constexpr std::size_t longest_text = 4096;  // of an error
inline constexpr std::size_t longest_name = 64;    // of a codec, a format, a matrix

/// That the worker is confined, or the step of that which failed.
struct worker_hello {
  std::uint32_t protocol = protocol_number;
  std::int32_t error_number = 0;
  std::array<char, 64> failed_step{};  // ends in zeros; empty: none
};

enum class asked_for : std::uint32_t { info = 1, frames = 2 };

/// read_options, and what is wanted of the file.
struct decode_request {
  std::uint32_t protocol = protocol_number;
  asked_for wanted = asked_for::info;
  std::int64_t bytes = 0;  // of the file
  std::int64_t max_pixels = 0, max_frames = 0;
  std::uint64_t memory_limit = 0, memory_budget = 0;
  std::int64_t deadline = 0;  // nanoseconds of steady_clock, which all processes share
  std::int32_t has_deadline = 0;
  std::int32_t short_side = 0, max_streams = 0, stream = 0;
  std::int32_t allow_damaged = 0, may_seek = 0;
};

enum class reply_kind : std::uint32_t { info = 1, frame, again, done, failure, no_memory };

struct reply {
  reply_kind kind = reply_kind::done;
  std::uint32_t reserved = 0;
  std::uint64_t bytes = 0;  // that follow
};

/// video_info, but for what is computed from it.
struct info_record {
  std::int64_t frames = 0, errors = 0, damaged_frames = 0;
  double duration = 0;
  std::int32_t height = 0, width = 0, rotation = 0;
  std::uint8_t mirrored = 0, full_range = 0, reserved[2] = {};
  std::uint32_t first_error = 0, codec = 0, pixel_format = 0, colour_matrix = 0;  // bytes of the texts
};

struct choice_header {
  std::int64_t frames = 0;  // -1: the request is given up
};

static_assert(std::has_unique_object_representations_v<worker_hello> &&
              std::has_unique_object_representations_v<decode_request> &&
              std::has_unique_object_representations_v<reply> &&
              std::has_unique_object_representations_v<choice_header>);  // no padding with what memory held before

inline decode_request request_for(read_options const& options, asked_for wanted, std::int64_t bytes) {
  decode_request r;
  r.wanted = wanted;
  r.bytes = bytes;
  r.max_pixels = options.max_pixels;
  r.max_frames = options.max_frames;
  r.memory_limit = options.memory_limit;
  r.memory_budget = options.memory_budget;
  if (options.deadline) {
    r.has_deadline = 1;
    r.deadline = std::chrono::nanoseconds(options.deadline->time_since_epoch()).count();
  }
  r.short_side = options.short_side;
  r.max_streams = options.max_streams;
  r.stream = options.stream;
  r.allow_damaged = options.damaged == damaged_videos::allow ? 1 : 0;
  r.may_seek = options.access == frame_access::seek ? 1 : 0;
  return r;
}

inline read_options options_of(decode_request const& r) {
  read_options options;
  options.max_pixels = r.max_pixels;
  options.max_frames = r.max_frames;
  options.memory_limit = r.memory_limit;
  options.memory_budget = r.memory_budget;
  if (r.has_deadline != 0)
    options.deadline = std::chrono::steady_clock::time_point(
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::nanoseconds(r.deadline)));
  options.short_side = r.short_side;
  options.max_streams = r.max_streams;
  options.stream = r.stream;
  options.damaged = r.allow_damaged != 0 ? damaged_videos::allow : damaged_videos::refuse;
  options.access = r.may_seek != 0 ? frame_access::seek : frame_access::decode_through;
  return options;
}

/// A text that came from elsewhere, printable: other bytes become '?'.
inline std::string printable_ascii(std::string text) {
  for (char& c : text)
    if (c < ' ' || c > '~') c = '?';
  return text;
}

/// What is wrong with a record that a worker sent, for a video read with `options`; nothing: it may be used.
inline char const* fault_of(info_record const& r, read_options const& options) {
  if (r.frames < 1 || r.frames > options.max_frames) return "its number of frames";
  if (r.height < 1 || r.width < 1 || std::int64_t{r.height} * r.width > options.max_pixels) return "the frames' size";
  // Of ticks of 2^-31 to 2^31 seconds, of which a file can name 2^64; what is computed from it stays finite in float.
  if (!(r.duration >= 0x1p-40 && r.duration <= 0x1p100)) return "its duration";
  if (r.rotation != 0 && r.rotation != 90 && r.rotation != 180 && r.rotation != 270) return "its rotation";
  if (r.mirrored > 1 || r.full_range > 1 || r.errors < 0 || r.damaged_frames < 0) return "its facts";
  if (r.first_error > longest_text) return "the length of a text";
  for (std::uint32_t const bytes : {r.codec, r.pixel_format, r.colour_matrix})
    if (bytes > longest_name) return "the length of a name";
  return nullptr;
}

}  // namespace scale::video::detail
