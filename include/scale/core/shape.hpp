// SPDX-License-Identifier: Apache-2.0
#pragma once
// Extents of a row-major tensor of rank 1 to 5.

#include <scale/core/config.hpp>
#include <scale/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

namespace scale {

using index_t = std::int64_t;

/// Extents, outermost first. An aggregate with a C array, so that device code may use it.
template <int Rank>
struct shape {
  static_assert(Rank >= 1 && Rank <= 5, "shape: ranks 1 to 5");
  index_t extents[static_cast<std::size_t>(Rank)] = {};

  SCALE_HD constexpr index_t operator[](int axis) const { return extents[axis]; }
  SCALE_HD constexpr index_t& operator[](int axis) { return extents[axis]; }

  /// Number of elements.
  SCALE_HD constexpr index_t size() const {
    index_t n = 1;
    for (int axis = 0; axis < Rank; ++axis) n *= extents[axis];
    return n;
  }

  SCALE_HD friend constexpr bool operator==(shape const& a, shape const& b) {
    for (int axis = 0; axis < Rank; ++axis)
      if (a.extents[axis] != b.extents[axis]) return false;
    return true;
  }
};

template <class... Index>
shape(Index...) -> shape<static_cast<int>(sizeof...(Index))>;

/// "[2, 3, 5]"
template <int Rank>
std::string to_string(shape<Rank> const& s) {
  std::string text = "[";
  for (int axis = 0; axis < Rank; ++axis) text += (axis != 0 ? ", " : "") + std::to_string(s[axis]);
  return text + "]";
}

/// Bytes of a tensor of this shape. Throws argument_error where an extent is negative or the product overflows.
template <int Rank>
std::size_t bytes_of(shape<Rank> const& s, std::size_t element_size, location at = location::current()) {
  std::size_t bytes = element_size;
  for (int axis = 0; axis < Rank; ++axis) {
    expect(s[axis] >= 0, "tensor", "negative extent in shape " + to_string(s), at);
    if (s[axis] == 0) return 0;
    std::size_t const extent = static_cast<std::size_t>(s[axis]);
    expect(bytes <= static_cast<std::size_t>((std::numeric_limits<std::ptrdiff_t>::max)()) / extent, "tensor",
           "size of shape " + to_string(s) + " overflows", at);
    bytes *= extent;
  }
  return bytes;
}

}  // namespace scale
