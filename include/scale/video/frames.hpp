// SPDX-License-Identifier: Apache-2.0
#pragma once
// RGB frames in memory: a borrowed list of frames of one size, 8 bit, interleaved.

#include <scale/video/crop_box.hpp>

#include <cstddef>
#include <cstdint>

namespace scale::video {

/// One borrowed RGB frame [height, width, 3], rows `stride` bytes apart.
struct frame_view {
  std::uint8_t const* pixels = nullptr;
  std::ptrdiff_t stride = 0;
  frame_size size;
};

/// Bytes of an RGB frame whose rows lie side by side.
inline std::size_t frame_bytes(frame_size size) {
  return 3 * static_cast<std::size_t>(size.height) * static_cast<std::size_t>(size.width);
}

}  // namespace scale::video
