// SPDX-License-Identifier: Apache-2.0
#pragma once
// Gaussian blur of 8-bit images as three extended box blurs per axis, in the fixed-point arithmetic of Pillow:
// P. Gwosdek et al., "Theoretical foundations of Gaussian convolution by extended box filtering", SSVM 2011.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace scale::video::detail {

/// An extended box of real radius: `radius` whole pixels to each side with `inner` weight, one more with `outer`.
struct extended_box {
  int radius;
  std::uint32_t inner;
  std::uint32_t outer;
};

/// The box of which three in a row have the variance of a Gaussian of `sigma`. Computed in fp32.
inline extended_box box_for_gaussian(float sigma) {
  float const s = sigma * sigma / 3.0f;
  auto const length = static_cast<float>(std::sqrt(12.0 * static_cast<double>(s) + 1.0));
  auto const l = static_cast<float>(std::floor((static_cast<double>(length) - 1.0) / 2.0));
  auto const three_s = static_cast<float>(3.0 * static_cast<double>(s));  // apart: a compiler must not fuse it
  float const numerator = (2 * l + 1) * (l * (l + 1) - three_s);
  float const denominator = 6 * (s - (l + 1) * (l + 1));
  float const r = l + numerator / denominator;
  auto const radius = static_cast<int>(r);
  auto const inner = static_cast<std::uint32_t>(0x1p24f / (r * 2 + 1));
  auto const outer = ((1u << 24) - static_cast<std::uint32_t>(2 * radius + 1) * inner) / 2;
  return {radius, inner, outer};
}

/// out = one box blur along a line of n pixels of `lanes` interleaved values; the line's ends are repeated.
/// `sums` holds `lanes` numbers. in and out may not overlap.
inline void box_blur_line(std::uint8_t const* in, std::uint8_t* out, std::ptrdiff_t n, std::size_t lanes,
                          std::ptrdiff_t in_step, std::ptrdiff_t out_step, extended_box const& box,
                          std::vector<std::uint32_t>& sums) {
  auto const at = [&](std::ptrdiff_t i) { return in + std::clamp<std::ptrdiff_t>(i, 0, n - 1) * in_step; };
  sums.assign(lanes, 0);
  for (std::ptrdiff_t i = -box.radius; i <= box.radius; ++i) {
    std::uint8_t const* const p = at(i);
    for (std::size_t c = 0; c < lanes; ++c) sums[c] += p[c];
  }
  std::uint32_t* const sum = sums.data();
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    std::uint8_t const* const before = at(i - box.radius - 1);
    std::uint8_t const* const after = at(i + box.radius + 1);
    std::uint8_t const* const leaving = at(i - box.radius);
    std::uint8_t* const to = out + i * out_step;
    for (std::size_t c = 0; c < lanes; ++c) {
      std::uint32_t const edge = std::uint32_t{before[c]} + after[c];
      to[c] = static_cast<std::uint8_t>((sum[c] * box.inner + edge * box.outer + (1u << 23)) >> 24);
      sum[c] += std::uint32_t{after[c]} - leaving[c];
    }
  }
}

/// Blurs an image [rows, columns, 3] in place: three passes along rows, then three along columns.
inline void gaussian_blur(std::uint8_t* image, std::ptrdiff_t rows, std::ptrdiff_t columns, double sigma) {
  extended_box const box = box_for_gaussian(static_cast<float>(sigma));
  std::ptrdiff_t const row_bytes = columns * 3;
  std::vector<std::uint32_t> sums;
  std::vector<std::uint8_t> line(static_cast<std::size_t>(2 * row_bytes));
  for (std::ptrdiff_t y = 0; y < rows; ++y) {
    std::uint8_t* const row = image + y * row_bytes;
    box_blur_line(row, line.data(), columns, 3, 3, 3, box, sums);
    box_blur_line(line.data(), line.data() + row_bytes, columns, 3, 3, 3, box, sums);
    box_blur_line(line.data() + row_bytes, row, columns, 3, 3, 3, box, sums);
  }
  // Columns in strips, so that two copies of a strip stay in cache while 16 pixels side by side are summed at once.
  constexpr std::ptrdiff_t strip = 48;
  std::vector<std::uint8_t> one(static_cast<std::size_t>(rows * strip));
  std::vector<std::uint8_t> two(one.size());
  for (std::ptrdiff_t x = 0; x < row_bytes; x += strip) {
    auto const lanes = static_cast<std::size_t>((std::min)(strip, row_bytes - x));
    box_blur_line(image + x, one.data(), rows, lanes, row_bytes, strip, box, sums);
    box_blur_line(one.data(), two.data(), rows, lanes, strip, strip, box, sums);
    box_blur_line(two.data(), image + x, rows, lanes, strip, row_bytes, box, sums);
  }
}

}  // namespace scale::video::detail
