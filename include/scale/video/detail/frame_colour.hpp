// SPDX-License-Identifier: Apache-2.0
#pragma once
// Colour matrix and range of a frame: what it states, else a default.

#include <scale/video/detail/ffmpeg.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace scale::video::detail {

/// Formats whose values run over the full range by definition.
inline bool is_full_range_format(AVPixelFormat format) {
  switch (format) {
    case AV_PIX_FMT_YUVJ420P:
    case AV_PIX_FMT_YUVJ422P:
    case AV_PIX_FMT_YUVJ444P:
    case AV_PIX_FMT_YUVJ440P:
    case AV_PIX_FMT_YUVJ411P: return true;
    default: return false;
  }
}

/// The same layout without a range in its name: swscale warns about the old names.
inline AVPixelFormat without_range(AVPixelFormat format) {
  switch (format) {
    case AV_PIX_FMT_YUVJ420P: return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P: return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P: return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P: return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ411P: return AV_PIX_FMT_YUV411P;
    default: return format;
  }
}

/// Grey of any depth, with or without transparency.
inline bool is_grey(AVPixFmtDescriptor const& layout) {
  constexpr std::uint64_t others = AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM |
                                   AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BAYER;
  return layout.nb_components <= 2 && (layout.flags & others) == 0;
}

/// swscale's number for the colour matrix of a video that states none: BT.709 from 720 rows up, else BT.601.
inline int default_matrix(AVFrame const& first) { return first.height >= 720 ? SWS_CS_ITU709 : SWS_CS_ITU601; }

/// swscale's number for a frame's colour matrix, `by_default` where it states none; nothing where swscale has none.
inline std::optional<int> matrix_of(AVFrame const& frame, int by_default) {
  switch (frame.colorspace) {
    case AVCOL_SPC_BT709: return SWS_CS_ITU709;
    case AVCOL_SPC_FCC: return SWS_CS_FCC;
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M: return SWS_CS_ITU601;
    case AVCOL_SPC_SMPTE240M: return SWS_CS_SMPTE240M;
    case AVCOL_SPC_BT2020_NCL: return SWS_CS_BT2020;
    case AVCOL_SPC_RGB:
    case AVCOL_SPC_UNSPECIFIED:
    case AVCOL_SPC_RESERVED: return by_default;
    default: return std::nullopt;
  }
}

/// FFmpeg's name for a matrix that is not supported, or a short name of the one in use.
inline std::string matrix_name(AVFrame const& frame, int by_default) {
  auto const matrix = matrix_of(frame, by_default);
  if (!matrix) {
    char const* const name = av_color_space_name(frame.colorspace);
    return name != nullptr ? name : "unknown";
  }
  switch (*matrix) {
    case SWS_CS_ITU709: return "bt709";
    case SWS_CS_FCC: return "fcc";
    case SWS_CS_SMPTE240M: return "smpte240m";
    case SWS_CS_BT2020: return "bt2020";
    default: return "bt601";
  }
}

/// Not stated: limited, but for yuvj and grey formats.
inline bool is_full_range(AVFrame const& frame) {
  if (frame.color_range != AVCOL_RANGE_UNSPECIFIED) return frame.color_range == AVCOL_RANGE_JPEG;
  auto const format = static_cast<AVPixelFormat>(frame.format);
  AVPixFmtDescriptor const* const layout = av_pix_fmt_desc_get(format);
  return is_full_range_format(format) || (layout != nullptr && is_grey(*layout));
}

}  // namespace scale::video::detail
