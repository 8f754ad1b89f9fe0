// SPDX-License-Identifier: Apache-2.0
#pragma once
// Bilinear resize, crop, flip and normalisation of RGB frames in one go: only the pixels of the crop are computed.
// Half-pixel centres (align_corners = false), no antialiasing.

#include <scale/core/config.hpp>
#include <scale/core/error.hpp>
#include <scale/video/crop_box.hpp>
#include <scale/video/frames.hpp>
#include <scale/video/positions.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace scale::video {

enum class flip { none, horizontal };

/// Mean and standard deviation of the pixels per channel, for pixels in [0, 1].
struct pixel_statistics {
  std::array<double, 3> mean{0.45, 0.45, 0.45};
  std::array<double, 3> std{0.225, 0.225, 0.225};
};

/// What happens to a frame: `source` is cut out, resized to `resized`, of which `window` is kept and then flipped.
struct crop_geometry {
  pixel_box source;
  frame_size resized;
  pixel_box window;
  flip flipped = flip::none;
};

/// Size after the short side is brought to `short_side`: the other is floor(long / short * short_side); a frame whose
/// short side fits already keeps its size.
inline frame_size short_side_size(frame_size frame, int short_side) {
  expect(frame.height > 0 && frame.width > 0, "short_side_size", "a frame has at least one pixel");
  expect(short_side > 0, "short_side_size", "short_side must be positive");
  if ((std::min)(frame.height, frame.width) == short_side) return frame;
  auto const scaled = [&](int longer, int shorter) {
    return static_cast<int>(std::floor(static_cast<double>(longer) / shorter * short_side));
  };
  if (frame.width < frame.height) return {scaled(frame.height, frame.width), short_side};
  return {short_side, scaled(frame.width, frame.height)};
}

/// Resize to `short_side`, then a square of `crop` pixels at (top, left) of the resized frame.
inline crop_geometry short_side_crop(frame_size frame, int short_side, int crop, int top, int left, flip flipped) {
  frame_size const resized = short_side_size(frame, short_side);
  return {{0, 0, frame.height, frame.width}, resized, {top, left, crop, crop}, flipped};
}

/// Crop k (0, 1, 2) of three along the longer side: left, centre, right, or top, centre, bottom where the frame is
/// taller than wide. The centre lies at ceil((size - crop) / 2) on both axes.
inline crop_geometry spatial_crop(frame_size frame, int short_side, int crop, int k) {
  expect(k >= 0 && k < 3, "spatial_crop", "k is 0, 1 or 2");
  frame_size const resized = short_side_size(frame, short_side);
  int const free_y = resized.height - crop;
  int const free_x = resized.width - crop;
  int top = (free_y + 1) / 2;
  int left = (free_x + 1) / 2;
  int& moving = resized.height > resized.width ? top : left;
  int const free = resized.height > resized.width ? free_y : free_x;
  if (k == 0) moving = 0;
  if (k == 2) moving = free;
  return {{0, 0, frame.height, frame.width}, resized, {top, left, crop, crop}, flip::none};
}

/// The box, resized to `out` x `out`.
inline crop_geometry box_crop(pixel_box box, int out, flip flipped) {
  return {box, {out, out}, {0, 0, out, out}, flipped};
}

/// Fills flip and corners of a position in pixels of the frame before the resize; the times stay 0.
inline position source_position(crop_geometry const& g) {
  auto const source = [](int at, int extent, int resized) { return static_cast<double>(at) * extent / resized; };
  pixel_box const& w = g.window;
  return {g.flipped == flip::horizontal ? 1.0 : -1.0,
          g.source.top + source(w.top, g.source.height, g.resized.height),
          g.source.left + source(w.left, g.source.width, g.resized.width),
          g.source.top + source(w.top + w.height, g.source.height, g.resized.height),
          g.source.left + source(w.left + w.width, g.source.width, g.resized.width),
          0,
          0};
}

/// The same in pixels of the resized frame.
inline position resized_position(crop_geometry const& g) {
  return {g.flipped == flip::horizontal ? 1.0 : -1.0,
          static_cast<double>(g.window.top),
          static_cast<double>(g.window.left),
          static_cast<double>(g.window.top + g.window.height),
          static_cast<double>(g.window.left + g.window.width),
          0,
          0};
}

/// Weights of one geometry, computed once and applied to every frame of a clip. T is the type of the output and of
/// all arithmetic. Not for two threads at once: it keeps two rows.
template <std::floating_point T>
class frame_resampler {
 public:
  frame_resampler(crop_geometry const& g, pixel_statistics const& pixels, location at = location::current())
      : geometry_(g) {
    expect(g.source.height > 0 && g.source.width > 0 && g.source.top >= 0 && g.source.left >= 0, "frame_resampler",
           "the source box must have pixels", at);
    expect(g.window.height > 0 && g.window.width > 0 && g.window.top >= 0 && g.window.left >= 0 &&
               g.window.top + g.window.height <= g.resized.height && g.window.left + g.window.width <= g.resized.width,
           "frame_resampler", "the window must lie in the resized frame", at);
    rows_ = taps(g.source.height, g.resized.height, g.window.top, g.window.height);
    columns_ = taps(g.source.width, g.resized.width, g.window.left, g.window.width);
    if (g.flipped == flip::horizontal) std::reverse(columns_.begin(), columns_.end());
    for (auto& tap : columns_) {
      tap.first = (tap.first + g.source.left) * 3;
      tap.second = (tap.second + g.source.left) * 3;
    }
    for (std::size_t c = 0; c < 3; ++c) {
      expect(pixels.std[c] > 0, "frame_resampler", "the standard deviation of pixels must be positive", at);
      scale_[c] = static_cast<T>(1 / (255 * pixels.std[c]));
      shift_[c] = static_cast<T>(-pixels.mean[c] / pixels.std[c]);
    }
    row_.resize(6 * columns_.size());
  }

  frame_size output_size() const noexcept { return {geometry_.window.height, geometry_.window.width}; }

  /// out = the crop, planes of [height, width] `channel_stride` elements apart: (pixel / 255 - mean) / std.
  void operator()(frame_view const& frame, T* out, std::ptrdiff_t channel_stride) {
    expect(geometry_.source.top + geometry_.source.height <= frame.size.height &&
               geometry_.source.left + geometry_.source.width <= frame.size.width,
           "frame_resampler", "the source box must lie in the frame");
    std::size_t const width = columns_.size();
    T* upper = row_.data();
    T* lower = row_.data() + 3 * width;
    int upper_row = -1;
    int lower_row = -1;
    auto const source_row = [&](int y) {
      return frame.pixels + static_cast<std::ptrdiff_t>(y + geometry_.source.top) * frame.stride;
    };
    for (std::size_t y = 0; y < rows_.size(); ++y) {
      auto const& tap = rows_[y];
      if (tap.first != upper_row && tap.first == lower_row) {
        std::swap(upper, lower);
        std::swap(upper_row, lower_row);
      }
      if (tap.first != upper_row) horizontal(source_row(upper_row = tap.first), upper);
      if (tap.second != tap.first && tap.second != lower_row) horizontal(source_row(lower_row = tap.second), lower);
      T const* const below = tap.second == tap.first ? upper : lower;
      T* const line = out + static_cast<std::ptrdiff_t>(y * width);
      for (std::size_t c = 0; c < 3; ++c)
        blend(upper + c * width, below + c * width, tap.weight, scale_[c], shift_[c], width,
              line + static_cast<std::ptrdiff_t>(c) * channel_stride);
    }
  }

 private:
  struct axis_tap {
    int first;
    int second;
    T weight;  // of second; 1 - weight of first
  };

  static std::vector<axis_tap> taps(int in, int out, int begin, int count) {
    std::vector<axis_tap> result(static_cast<std::size_t>(count));
    double const ratio = static_cast<double>(in) / out;
    for (int i = 0; i < count; ++i) {
      double const at = (std::max)((begin + i + 0.5) * ratio - 0.5, 0.0);
      int const first = (std::min)(static_cast<int>(at), in - 1);
      result[static_cast<std::size_t>(i)] = {first, (std::min)(first + 1, in - 1), static_cast<T>(at - first)};
    }
    return result;
  }

  /// One source row to three planes of the output's width.
  void horizontal(std::uint8_t const* SCALE_RESTRICT source, T* SCALE_RESTRICT planes) const {
    std::size_t const width = columns_.size();
    T* const red = planes;
    T* const green = planes + width;
    T* const blue = planes + 2 * width;
    for (std::size_t x = 0; x < width; ++x) {
      axis_tap const& t = columns_[x];
      std::uint8_t const* const a = source + t.first;
      std::uint8_t const* const b = source + t.second;
      T const w = t.weight;
      red[x] = static_cast<T>(a[0]) + w * static_cast<T>(b[0] - a[0]);
      green[x] = static_cast<T>(a[1]) + w * static_cast<T>(b[1] - a[1]);
      blue[x] = static_cast<T>(a[2]) + w * static_cast<T>(b[2] - a[2]);
    }
  }

  static void blend(T const* SCALE_RESTRICT above, T const* SCALE_RESTRICT below, T weight, T scale, T shift,
                    std::size_t n, T* SCALE_RESTRICT out) {
    T const low = (T(1) - weight) * scale;
    T const high = weight * scale;
    for (std::size_t x = 0; x < n; ++x) out[x] = above[x] * low + below[x] * high + shift;
  }

  crop_geometry geometry_;
  std::vector<axis_tap> rows_;
  std::vector<axis_tap> columns_;
  std::vector<T> row_;
  T scale_[3];
  T shift_[3];
};

/// A clip [3, frames, h, w] = the geometry applied to each frame, normalised.
template <std::floating_point T>
void resize_crop(std::span<frame_view const> frames, crop_geometry const& geometry, pixel_statistics const& pixels,
                 std::span<T> clip, location at = location::current()) {
  frame_resampler<T> resample(geometry, pixels, at);
  std::size_t const plane =
      static_cast<std::size_t>(geometry.window.height) * static_cast<std::size_t>(geometry.window.width);
  expect(clip.size() == 3 * frames.size() * plane, "resize_crop", "clip must hold 3 * frames * h * w numbers", at);
  for (std::size_t t = 0; t < frames.size(); ++t)
    resample(frames[t], clip.data() + t * plane, static_cast<std::ptrdiff_t>(frames.size() * plane));
}

}  // namespace scale::video
