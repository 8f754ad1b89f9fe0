// SPDX-License-Identifier: Apache-2.0
#pragma once
// Colour augmentation of a clip (MoCo v2 for video), in exact integer arithmetic: one draw for all frames. The steps
// are those of Pillow's ImageEnhance, HSV conversion and GaussianBlur, to the bit.

#include <scale/core/error.hpp>
#include <scale/video/crop_box.hpp>
#include <scale/video/detail/box_blur.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace scale::video {

/// What a Gaussian blur takes for one image: the whole clip, frames one above the other (the released code: the blur
/// bleeds over frame borders), or each frame by itself.
enum class blur_scope { clip, frame };

enum class colour_step : std::uint8_t { brightness, contrast, saturation, hue };

/// Everything that was drawn for one clip. Steps are done in `order`, `steps` of them, then grey, then the blur.
struct colour_draw {
  std::array<colour_step, 4> order{colour_step::brightness, colour_step::contrast, colour_step::saturation,
                                   colour_step::hue};
  int steps = 0;
  double brightness = 1;
  double contrast = 1;
  double saturation = 1;
  double hue = 0;
  bool grey = false;
  double blur_sigma = 0;  // in pixels; no blur where 0
  blur_scope scope = blur_scope::frame;
};

namespace detail {

inline std::uint8_t luma(std::uint8_t const* rgb) {
  return static_cast<std::uint8_t>((19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 32768u) >> 16);
}

/// low + factor * (pixel - low) in fp32, clipped, truncated. The product is exact in double, so it is rounded once.
inline std::uint8_t blend_pixel(int low, int pixel, float factor) {
  auto const product = static_cast<float>(static_cast<double>(factor) * (pixel - low));
  float const value = static_cast<float>(low) + product;
  return static_cast<std::uint8_t>((std::min)((std::max)(value, 0.0f), 255.0f));
}

inline void blend_with_constant(std::span<std::uint8_t> rgb, int low, float factor) {
  std::array<std::uint8_t, 256> table;
  for (int v = 0; v < 256; ++v) table[static_cast<std::size_t>(v)] = blend_pixel(low, v, factor);
  for (std::uint8_t& value : rgb) value = table[value];
}

inline int mean_luma(std::span<std::uint8_t const> rgb) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < rgb.size(); i += 3) sum += luma(&rgb[i]);
  return static_cast<int>(static_cast<double>(sum) / static_cast<double>(rgb.size() / 3) + 0.5);
}

inline void saturate(std::span<std::uint8_t> rgb, float factor) {
  for (std::size_t i = 0; i < rgb.size(); i += 3) {
    int const low = luma(&rgb[i]);
    for (std::size_t c = 0; c < 3; ++c) rgb[i + c] = blend_pixel(low, rgb[i + c], factor);
  }
}

/// RGB to HSV in 8 bit each.
inline std::array<std::uint8_t, 3> rgb_to_hsv(int r, int g, int b) {
  int const most = (std::max)({r, g, b});
  int const least = (std::min)({r, g, b});
  if (most == least) return {0, 0, static_cast<std::uint8_t>(most)};
  auto const extent = static_cast<float>(most - least);
  float const s = extent / static_cast<float>(most);
  float const rc = static_cast<float>(most - r) / extent;
  float const gc = static_cast<float>(most - g) / extent;
  float const bc = static_cast<float>(most - b) / extent;
  float h = 0;
  if (r == most) {
    h = bc - gc;
  } else if (g == most) {
    h = static_cast<float>(2.0 + static_cast<double>(rc) - static_cast<double>(bc));
  } else {
    h = static_cast<float>(4.0 + static_cast<double>(gc) - static_cast<double>(rc));
  }
  h = static_cast<float>(std::fmod(static_cast<double>(h) / 6.0 + 1.0, 1.0));
  auto const h8 = static_cast<int>(static_cast<double>(h) * 255.0);
  auto const s8 = static_cast<int>(static_cast<double>(s) * 255.0);
  return {static_cast<std::uint8_t>(std::clamp(h8, 0, 255)), static_cast<std::uint8_t>(std::clamp(s8, 0, 255)),
          static_cast<std::uint8_t>(most)};
}

inline void hsv_to_rgb(std::array<std::uint8_t, 3> hsv, std::uint8_t* rgb) {
  int const h = hsv[0];
  std::uint8_t const v = hsv[2];
  if (hsv[1] == 0) {
    rgb[0] = rgb[1] = rgb[2] = v;
    return;
  }
  int const sector = 6 * h / 255;
  auto const f = static_cast<float>(static_cast<double>(h) * 6.0 / 255.0 - sector);
  float const s = static_cast<float>(hsv[1]) / 255.0f;
  auto const level = [&](double factor) {
    return static_cast<std::uint8_t>(std::clamp(static_cast<int>(std::round(v * factor)), 0, 255));
  };
  double const sd = static_cast<double>(s);
  double const sf = static_cast<double>(static_cast<float>(sd * static_cast<double>(f)));
  double const st = sd * (1.0 - static_cast<double>(f));
  std::uint8_t const p = level(1.0 - sd);
  std::uint8_t const q = level(1.0 - sf);
  std::uint8_t const t = level(1.0 - st);
  std::array<std::uint8_t, 3> const choice[6] = {{v, t, p}, {q, v, p}, {p, v, t}, {p, q, v}, {t, p, v}, {v, p, q}};
  std::copy_n(choice[sector % 6].data(), 3, rgb);
}

inline void shift_hue(std::span<std::uint8_t> rgb, double hue) {
  auto const shift = static_cast<int>(hue * 255);
  for (std::size_t i = 0; i < rgb.size(); i += 3) {
    auto hsv = rgb_to_hsv(rgb[i], rgb[i + 1], rgb[i + 2]);
    hsv[0] = static_cast<std::uint8_t>(hsv[0] + shift);
    hsv_to_rgb(hsv, &rgb[i]);
  }
}

}  // namespace detail

/// Augments a clip [frames, height, width, 3] in place. Contrast takes the mean luma of the whole clip.
inline void augment_colour(std::span<std::uint8_t> clip, frame_size size, colour_draw const& draw,
                           location at = location::current()) {
  expect(size.height > 0 && size.width > 0, "augment_colour", "a frame has at least one pixel", at);
  std::size_t const frame_bytes = 3 * static_cast<std::size_t>(size.height) * static_cast<std::size_t>(size.width);
  expect(clip.size() % frame_bytes == 0, "augment_colour", "clip must hold whole frames", at);
  expect(draw.steps >= 0 && draw.steps <= 4, "augment_colour", "steps must lie in [0, 4]", at);
  if (clip.empty()) return;
  for (int i = 0; i < draw.steps; ++i) {
    switch (draw.order[static_cast<std::size_t>(i)]) {
      case colour_step::brightness: detail::blend_with_constant(clip, 0, static_cast<float>(draw.brightness)); break;
      case colour_step::contrast:
        detail::blend_with_constant(clip, detail::mean_luma(clip), static_cast<float>(draw.contrast));
        break;
      case colour_step::saturation: detail::saturate(clip, static_cast<float>(draw.saturation)); break;
      case colour_step::hue: detail::shift_hue(clip, draw.hue); break;
    }
  }
  if (draw.grey)
    for (std::size_t i = 0; i < clip.size(); i += 3) clip[i] = clip[i + 1] = clip[i + 2] = detail::luma(&clip[i]);
  if (draw.blur_sigma > 0) {
    auto const frames = static_cast<std::ptrdiff_t>(clip.size() / frame_bytes);
    if (draw.scope == blur_scope::clip) {
      detail::gaussian_blur(clip.data(), frames * size.height, size.width, draw.blur_sigma);
    } else {
      for (std::ptrdiff_t t = 0; t < frames; ++t)
        detail::gaussian_blur(clip.data() + t * static_cast<std::ptrdiff_t>(frame_bytes), size.height, size.width,
                              draw.blur_sigma);
    }
  }
}

}  // namespace scale::video
