// SPDX-License-Identifier: Apache-2.0
#pragma once
// How a stored frame is turned to be shown, from a display matrix.

#include <cmath>
#include <cstdint>

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

}  // namespace scale::video::detail
