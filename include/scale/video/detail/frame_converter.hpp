// SPDX-License-Identifier: Apache-2.0
#pragma once
// Decoded frames of any pixel format to 8-bit RGB of one size, upright. Colour matrix and range are the frame's own,
// the matrix that of the first frame's default where none is stated.

#include <scale/core/config.hpp>
#include <scale/core/error.hpp>
#include <scale/video/crop_box.hpp>
#include <scale/video/detail/ffmpeg.hpp>
#include <scale/video/detail/first_frame.hpp>
#include <scale/video/detail/frame_colour.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace scale::video::detail {

class frame_converter {
 public:
  /// `shown` is the size of the result, after turning; `file` is named in errors.
  frame_converter(std::string file, frame_size shown, first_frame const& first)
      : file_(std::move(file)),
        shown_(shown),
        first_(first),
        stored_(first.turn.transpose ? frame_size{shown.width, shown.height} : shown),
        planes_(allocated(av_frame_alloc())) {
    planes_->format = AV_PIX_FMT_GBRP;
    planes_->width = stored_.width;
    planes_->height = stored_.height;
    if (av_frame_get_buffer(planes_.get(), 64) < 0) throw resource_error("[video] out of memory");
  }

  /// Of the result.
  frame_size size() const noexcept { return shown_; }

  /// out [height, width, 3] = the frame, resized (area averaging where it shrinks, else bilinear), converted, turned.
  /// Throws input_error where swscale cannot convert it.
  void operator()(AVFrame const& frame, std::uint8_t* out) {
    prepare(frame);
    if (sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height, planes_->data, planes_->linesize) !=
        stored_.height)
      refuse("a frame cannot be converted to RGB");
    interleave(out);
  }

 private:
  [[noreturn]] void refuse(std::string const& why) const { throw input_error(file_ + ": " + why); }

  void prepare(AVFrame const& frame) {
    auto const format = static_cast<AVPixelFormat>(frame.format);
    auto const matrix = matrix_of(frame, first_.default_matrix);
    if (!matrix) refuse("colour matrix " + matrix_name(frame, first_.default_matrix) + " is not supported");
    int const full = is_full_range(frame) ? 1 : 0;
    if (scaler_ && format == format_ && frame.width == width_ && frame.height == height_ && *matrix == matrix_ &&
        full == full_)
      return;
    if (sws_isSupportedInput(format) == 0) {
      char const* const name = av_get_pix_fmt_name(format);
      refuse(std::string("pixel format ") + (name != nullptr ? name : "unknown") + " is not supported");
    }
    // To planes, because for packed RGB swscale repeats chroma samples, instead of interpolating, where it does not
    // scale, and has no vector code. With full chroma and accurate rounding the result is within a level of exact
    // arithmetic; bit exact: the same on every processor.
    constexpr int scaling = SWS_AREA | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_BITEXACT;
    scaler_.reset(sws_getContext(frame.width, frame.height, without_range(format), stored_.width, stored_.height,
                                 AV_PIX_FMT_GBRP, scaling, nullptr, nullptr, nullptr));
    if (!scaler_)
      refuse("swscale refuses frames of " + std::to_string(frame.width) + "x" + std::to_string(frame.height));
    // Fails for RGB input, which needs no matrix.
    sws_setColorspaceDetails(scaler_.get(), sws_getCoefficients(*matrix), full, sws_getCoefficients(*matrix), 1, 0,
                             1 << 16, 1 << 16);
    format_ = format;
    width_ = frame.width;
    height_ = frame.height;
    matrix_ = *matrix;
    full_ = full;
  }

  /// Turns the three planes into rows of pixels: a row of the result runs along a row or column of the planes.
  void interleave(std::uint8_t* SCALE_RESTRICT out) const {
    std::uint8_t const* const SCALE_RESTRICT green = planes_->data[0];
    std::uint8_t const* const SCALE_RESTRICT blue = planes_->data[1];
    std::uint8_t const* const SCALE_RESTRICT red = planes_->data[2];
    std::ptrdiff_t const stride = planes_->linesize[0];  // of all three
    orientation const& turn = first_.turn;
    std::ptrdiff_t const along = turn.transpose ? stride : 1;
    std::ptrdiff_t const across = turn.transpose ? 1 : stride;
    for (int y = 0; y < shown_.height; ++y) {
      std::ptrdiff_t at = across * (turn.mirror_y ? shown_.height - 1 - y : y);
      if (turn.mirror_x) at += along * (shown_.width - 1);
      std::ptrdiff_t const step = turn.mirror_x ? -along : along;
      for (int x = 0; x < shown_.width; ++x, at += step, out += 3) {
        out[0] = red[at];
        out[1] = green[at];
        out[2] = blue[at];
      }
    }
  }

  std::string file_;
  frame_size shown_;
  first_frame first_;
  frame_size stored_;
  frame_ptr planes_;
  scaler_ptr scaler_;
  AVPixelFormat format_ = AV_PIX_FMT_NONE;
  int width_ = 0;
  int height_ = 0;
  int matrix_ = 0;
  int full_ = 0;
};

}  // namespace scale::video::detail
