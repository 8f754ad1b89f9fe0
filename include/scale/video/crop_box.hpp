// SPDX-License-Identifier: Apache-2.0
#pragma once
// The box of a random resized crop, from explicit draws: the caller owns the randomness.

#include <scale/core/error.hpp>

#include <cmath>
#include <optional>

namespace scale::video {

/// A rectangle of pixels.
struct pixel_box {
  int top = 0;
  int left = 0;
  int height = 0;
  int width = 0;

  friend bool operator==(pixel_box const&, pixel_box const&) = default;
};

/// Height and width of a frame in pixels.
struct frame_size {
  int height = 0;
  int width = 0;

  friend bool operator==(frame_size const&, frame_size const&) = default;
};

/// What one try draws: fraction of the frame's area, width over height, and the place, each offset in [0, 1].
struct crop_draw {
  double area = 1;
  double aspect = 1;
  double offset_y = 0;
  double offset_x = 0;
};

/// Limits of the draws and of the fallback.
struct crop_range {
  double least_area = 0.2;
  double most_area = 0.766;
  double least_aspect = 0.75;
  double most_aspect = 1.3333;
  int tries = 10;
};

/// Place of `extent` pixels in `frame`: floor(offset * (free + 1)), every place equally likely, the last included.
inline int crop_offset(int frame, int extent, double offset) {
  int const free = frame - extent;
  int const place = static_cast<int>(std::floor(offset * (free + 1)));
  return place < free ? place : free;
}

/// One try. Sides are round(sqrt(area * H * W * aspect)) and round(sqrt(area * H * W / aspect)), ties to even; none
/// where that box does not fit into the frame.
inline std::optional<pixel_box> try_crop_box(frame_size frame, crop_draw const& draw) {
  expect(draw.area > 0 && draw.aspect > 0, "try_crop_box", "area and aspect must be positive");
  expect(draw.offset_y >= 0 && draw.offset_y <= 1 && draw.offset_x >= 0 && draw.offset_x <= 1, "try_crop_box",
         "offsets must lie in [0, 1]");
  double const target = draw.area * frame.height * frame.width;
  double const width = std::nearbyint(std::sqrt(target * draw.aspect));
  double const height = std::nearbyint(std::sqrt(target / draw.aspect));
  if (!(width >= 1 && height >= 1 && width <= frame.width && height <= frame.height)) return std::nullopt;
  auto const w = static_cast<int>(width);
  auto const h = static_cast<int>(height);
  return pixel_box{crop_offset(frame.height, h, draw.offset_y), crop_offset(frame.width, w, draw.offset_x), h, w};
}

/// The largest centred box with width / height within the range, at floor(free / 2).
inline pixel_box fallback_crop_box(frame_size frame, crop_range const& range) {
  double const aspect = static_cast<double>(frame.width) / frame.height;
  int width = frame.width;
  int height = frame.height;
  if (aspect < range.least_aspect) height = static_cast<int>(std::nearbyint(frame.width / range.least_aspect));
  if (aspect > range.most_aspect) width = static_cast<int>(std::nearbyint(frame.height * range.most_aspect));
  return {(frame.height - height) / 2, (frame.width - width) / 2, height, width};
}

}  // namespace scale::video
