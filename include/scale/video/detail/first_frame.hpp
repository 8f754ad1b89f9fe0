// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the first frame of a video says about all of it.

#include <scale/video/crop_box.hpp>
#include <scale/video/detail/ffmpeg.hpp>
#include <scale/video/detail/frame_colour.hpp>
#include <scale/video/detail/orientation.hpp>
#include <scale/video/video_info.hpp>

#include <cstdint>

namespace scale::video::detail {

/// Facts that the first frame fixes for the whole video.
struct first_frame {
  frame_size stored;
  orientation turn;
  int default_matrix = SWS_CS_ITU601;  // of frames that state none

  frame_size shown() const { return turn.transpose ? frame_size{stored.width, stored.height} : stored; }
};

inline first_frame describe_first_frame(AVFrame const& frame, AVStream const& stream, video_info& info) {
  std::int32_t const* matrix = display_matrix(stream);
  if (matrix == nullptr)
    if (AVFrameSideData const* const data = av_frame_get_side_data(&frame, AV_FRAME_DATA_DISPLAYMATRIX))
      matrix = reinterpret_cast<std::int32_t const*>(data->data);
  first_frame const first{{frame.height, frame.width}, orientation_of(matrix), default_matrix(frame)};
  auto const format = static_cast<AVPixelFormat>(frame.format);
  AVPixFmtDescriptor const* const layout = av_pix_fmt_desc_get(format);
  bool const rgb = layout != nullptr && (layout->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) != 0;
  info.size = first.shown();
  info.rotation = rotation_of(first.turn);
  info.mirrored = is_mirrored(first.turn);
  info.codec = avcodec_get_name(stream.codecpar->codec_id);
  info.pixel_format = layout != nullptr ? layout->name : "unknown";
  info.colour_matrix = rgb ? "rgb" : matrix_name(frame, first.default_matrix);
  info.full_range = rgb || is_full_range(frame);
  return first;
}

}  // namespace scale::video::detail
