// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reading video files with FFmpeg: exact frames in presentation order, decoded once where memory allows, brought to
// upright 8-bit RGB of a fixed short side. Colour matrix and range are each frame's own; where not stated the matrix
// is BT.709 for videos that begin with 720 rows or more, else BT.601, and the range limited (full for yuvj formats, RGB
// and grey). Sample aspect ratios are not applied, fields are not taken apart, HDR is not tone-mapped, transparency is
// dropped.
// A file is damaged where FFmpeg reports an error or a broken frame, or where it is shorter than an MP4, RIFF or
// Matroska header or an index says. Other containers (MPEG-TS, Ogg, FLV, GIF, raw streams) that stop between two frames
// look whole, as do changed bytes that decode to some picture: formats without checksums cannot tell.
// Nothing is printed by the decoders: the contexts lie above FFmpeg's log threshold. A few of FFmpeg's parsers, and its
// protocols where a file asks for one, log without a context that could be reached; an application silences those with
// av_log_set_level, a global of its own.

#include <scale/core/error.hpp>
#include <scale/video/decoded_video.hpp>
#include <scale/video/detail/passes.hpp>
#include <scale/video/detail/video_file.hpp>
#include <scale/video/frames.hpp>
#include <scale/video/video_info.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace scale::video {

/// Decodes a video through and says what it is. No frame is kept: memory is some bytes per frame.
inline video_info probe(std::filesystem::path const& path, read_options const& options = {}) {
  return detail::count_frames(detail::video_file(path), options).info;
}

/// Hands `use(frame_view, index)` every frame in turn, in memory that the next one overwrites, and returns what the
/// video is. That it is damaged is known at its end: where such videos are refused, input_error comes after the frames.
template <std::invocable<frame_view const&, std::int64_t> Use>
video_info for_each_frame(std::filesystem::path const& path, read_options const& options, Use&& use) {
  detail::video_file const file(path);
  detail::frame_source source = detail::open_source(file, options);
  std::vector<std::uint8_t> pixels;
  return detail::decode_every(
             source, options,
             [&](AVFrame const& frame, std::int64_t index, detail::frame_converter& convert) {
               pixels.resize(frame_bytes(convert.size()));
               convert(frame, pixels.data());
               use(frame_view{pixels.data(), std::ptrdiff_t{3} * convert.size().width, convert.size()}, index);
             })
      .info;
}

/// Reads the frames that `choose(video_info)` names, ascending and without repetition, each in [0, frames). One pass
/// where all frames fit `options.memory_budget`, else one to count and one to convert; memory is the larger of the
/// budget and the frames named. Every frame comes to the working size of the first, also where the size changes within
/// the stream. Throws input_error (nothing decodes, damaged, not supported, over a limit), cancelled_error.
template <std::invocable<video_info const&> Choose>
decoded_video read_chosen_frames(std::filesystem::path const& path, Choose&& choose, read_options const& options = {}) {
  detail::video_file const file(path);
  decoded_video video({}, {});
  detail::first_pass const pass = detail::decode_keeping(file, options, video);
  std::vector<std::int64_t> const wanted = choose(std::as_const(pass.info));
  detail::check_choice(wanted, pass.info);
  detail::check_memory(path, pass.size, wanted.size(), options);
  if (!video.indices().empty())
    video.keep(wanted);
  else
    detail::decode_again(file, options, wanted, pass, video);
  return video;
}

/// Reads the frames named, ascending and without repetition, in one pass; memory is that of the frames named.
inline decoded_video read_frames(std::filesystem::path const& path, std::span<std::int64_t const> wanted,
                                 read_options const& options = {}) {
  for (std::size_t i = 0; i < wanted.size(); ++i)
    expect(wanted[i] >= 0 && (i == 0 || wanted[i] > wanted[i - 1]), "read_frames",
           "indices must ascend without repetition");
  std::size_t n = 0;
  decoded_video video = detail::decode_known(detail::video_file(path), options, [&](std::int64_t index) {
    bool const is_wanted = n < wanted.size() && wanted[n] == index;
    n += is_wanted ? 1 : 0;
    return is_wanted;
  });
  if (n < wanted.size())
    throw argument_error("[read_frames] " + path.string() + ": frame " + std::to_string(wanted[n]) +
                         " was asked for, it has " + std::to_string(video.info().frames));
  return video;
}

/// Reads every frame in one pass: memory grows with the video.
inline decoded_video read_all_frames(std::filesystem::path const& path, read_options const& options = {}) {
  return detail::decode_known(detail::video_file(path), options, [](std::int64_t) { return true; });
}

}  // namespace scale::video
