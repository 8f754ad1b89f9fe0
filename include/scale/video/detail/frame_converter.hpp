// SPDX-License-Identifier: Apache-2.0
#pragma once
// Decoded frames of any pixel format to 8-bit RGB of one size, upright. Colour matrix and range are the frame's own.

#include <scale/core/error.hpp>
#include <scale/video/crop_box.hpp>
#include <scale/video/detail/ffmpeg.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

namespace scale::video::detail {

/// How a stored frame is turned to be shown: transposed first, then mirrored along either axis.
struct orientation {
  bool transpose = false;
  bool mirror_x = false;
  bool mirror_y = false;

  bool upright() const noexcept { return !transpose && !mirror_x && !mirror_y; }
};

/// The quarter turn or mirror image nearest to a display matrix; upright where there is none.
inline orientation orientation_of(std::int32_t const* matrix) {
  if (matrix == nullptr) return {};
  // x' = a x + c y, y' = b x + d y.
  auto const a = static_cast<double>(matrix[0]);
  auto const b = static_cast<double>(matrix[1]);
  auto const c = static_cast<double>(matrix[3]);
  auto const d = static_cast<double>(matrix[4]);
  if (std::abs(a) + std::abs(d) >= std::abs(b) + std::abs(c)) return {false, a < 0, d < 0};
  return {true, c < 0, b < 0};
}

/// Clockwise degrees by which a stored frame is turned; where it is also mirrored, that is left to right afterwards
/// for 0 and 180, top to bottom for 90 and 270.
inline int rotation_of(orientation const& o) {
  if (o.transpose) return o.mirror_y ? 270 : 90;
  return o.mirror_x ? 180 : 0;
}

inline bool is_mirrored(orientation const& o) { return o.transpose == (o.mirror_x == o.mirror_y); }

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

/// swscale's number for a frame's colour matrix. Not stated: BT.709 from 720 rows up, else BT.601.
inline int matrix_of(AVFrame const& frame) {
  switch (frame.colorspace) {
    case AVCOL_SPC_BT709: return SWS_CS_ITU709;
    case AVCOL_SPC_FCC: return SWS_CS_FCC;
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M: return SWS_CS_ITU601;
    case AVCOL_SPC_SMPTE240M: return SWS_CS_SMPTE240M;
    case AVCOL_SPC_BT2020_NCL: return SWS_CS_BT2020;
    case AVCOL_SPC_RGB:
    case AVCOL_SPC_UNSPECIFIED:
    case AVCOL_SPC_RESERVED: return frame.height >= 720 ? SWS_CS_ITU709 : SWS_CS_ITU601;
    default: {
      char const* const name = av_color_space_name(frame.colorspace);
      throw input_error(std::string("colour matrix ") + (name != nullptr ? name : "unknown") + " is not supported");
    }
  }
}

inline std::string matrix_name(AVFrame const& frame) {
  switch (matrix_of(frame)) {
    case SWS_CS_ITU709: return "bt709";
    case SWS_CS_FCC: return "fcc";
    case SWS_CS_SMPTE240M: return "smpte240m";
    case SWS_CS_BT2020: return "bt2020";
    default: return "bt601";
  }
}

/// Not stated: limited, but for yuvj formats.
inline bool is_full_range(AVFrame const& frame) {
  return frame.color_range == AVCOL_RANGE_JPEG || is_full_range_format(static_cast<AVPixelFormat>(frame.format));
}

class frame_converter {
 public:
  /// `shown` is the size of the result, after turning.
  frame_converter(frame_size shown, orientation turn)
      : shown_(shown), turn_(turn), stored_(turn.transpose ? frame_size{shown.width, shown.height} : shown) {}

  /// out [height, width, 3] = the frame, converted, resized (area averaging where it shrinks, else bilinear), turned.
  void operator()(AVFrame const& frame, std::uint8_t* out) {
    prepare(frame);
    if (sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height, scratch_->data, scratch_->linesize) !=
        stored_.height)
      throw input_error("a frame cannot be converted to RGB");
    turn(out);
  }

 private:
  void prepare(AVFrame const& frame) {
    auto const format = static_cast<AVPixelFormat>(frame.format);
    int const matrix = matrix_of(frame);
    int const full = is_full_range(frame) ? 1 : 0;
    if (scaler_ && format == format_ && frame.width == width_ && frame.height == height_ && matrix == matrix_ &&
        full == full_)
      return;
    if (sws_isSupportedInput(format) == 0) {
      char const* const name = av_get_pix_fmt_name(format);
      throw input_error(std::string("pixel format ") + (name != nullptr ? name : "unknown") + " is not supported");
    }
    // Full chroma and accurate rounding: exact to a level whatever the width; bit exact: the same on every processor.
    constexpr int scaling = SWS_AREA | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_BITEXACT;
    scaler_.reset(sws_getContext(frame.width, frame.height, without_range(format), stored_.width, stored_.height,
                                 AV_PIX_FMT_RGB24, scaling, nullptr, nullptr, nullptr));
    if (!scaler_)
      throw input_error("swscale refuses frames of " + std::to_string(frame.width) + "x" +
                        std::to_string(frame.height));
    // Fails for RGB input, which needs no matrix.
    sws_setColorspaceDetails(scaler_.get(), sws_getCoefficients(matrix), full, sws_getCoefficients(matrix), 1, 0,
                             1 << 16, 1 << 16);
    if (!scratch_) {
      scratch_.reset(allocated(av_frame_alloc()));
      scratch_->format = AV_PIX_FMT_RGB24;
      scratch_->width = stored_.width;
      scratch_->height = stored_.height;
      if (av_frame_get_buffer(scratch_.get(), 64) < 0) throw resource_error("[video] out of memory");
    }
    format_ = format;
    width_ = frame.width;
    height_ = frame.height;
    matrix_ = matrix;
    full_ = full;
  }

  void turn(std::uint8_t* out) const {
    auto const row_bytes = static_cast<std::size_t>(shown_.width) * 3;
    for (int y = 0; y < shown_.height; ++y) {
      std::uint8_t* const to = out + static_cast<std::size_t>(y) * row_bytes;
      int const v = turn_.mirror_y ? shown_.height - 1 - y : y;
      if (!turn_.transpose && !turn_.mirror_x) {
        std::memcpy(to, scratch_->data[0] + static_cast<std::ptrdiff_t>(v) * scratch_->linesize[0], row_bytes);
        continue;
      }
      for (int x = 0; x < shown_.width; ++x) {
        int const u = turn_.mirror_x ? shown_.width - 1 - x : x;
        std::ptrdiff_t const row = turn_.transpose ? u : v;
        std::ptrdiff_t const column = turn_.transpose ? v : u;
        std::memcpy(to + 3 * x, scratch_->data[0] + row * scratch_->linesize[0] + 3 * column, 3);
      }
    }
  }

  frame_size shown_;
  orientation turn_;
  frame_size stored_;
  scaler_ptr scaler_;
  frame_ptr scratch_;
  AVPixelFormat format_ = AV_PIX_FMT_NONE;
  int width_ = 0;
  int height_ = 0;
  int matrix_ = 0;
  int full_ = 0;
};

}  // namespace scale::video::detail
