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

}  // namespace scale::video
