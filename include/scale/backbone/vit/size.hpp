// SPDX-License-Identifier: Apache-2.0
#pragma once
// Extents of a vision transformer, and of the grid of patches that a clip is cut into.

#include <scale/core/error.hpp>
#include <scale/core/tensor_view.hpp>

#include <string>
#include <string_view>

namespace scale {

struct vit_size {
  index_t width;        // numbers per token
  index_t depth;        // blocks
  index_t heads;        // divides width
  index_t hidden;       // numbers per token inside of an MLP
  index_t tubelet = 2;  // frames of a patch
  index_t patch = 16;   // pixels of a patch, high and wide

  index_t head_width() const { return width / heads; }
  index_t patch_columns() const { return 3 * tubelet * patch * patch; }
};

/// Throws argument_error unless every extent is positive and heads divide the width.
inline void expect_vit_size(std::string_view op, vit_size const& s, location at) {
  bool const positive = s.width > 0 && s.depth > 0 && s.heads > 0 && s.hidden > 0 && s.tubelet > 0 && s.patch > 0;
  if (!positive || s.width % s.heads != 0)
    throw_expected(op, "size", "positive extents and heads that divide the width",
                   "width " + std::to_string(s.width) + ", depth " + std::to_string(s.depth) + ", heads " +
                       std::to_string(s.heads) + ", hidden " + std::to_string(s.hidden) + ", tubelet " +
                       std::to_string(s.tubelet) + ", patch " + std::to_string(s.patch),
                   at);
}

/// Patches of a clip along time, height and width.
struct patch_grid {
  index_t t = 0, h = 0, w = 0;

  index_t places() const { return h * w; }
  index_t tokens() const { return t * h * w; }
  bool operator==(patch_grid const&) const = default;
};

/// The grid of clips [n, 3, t, h, w]. Throws argument_error unless every extent is a positive multiple of the patch's.
template <class T, backend B>
patch_grid grid_of_clips(std::string_view op, tensor_view<T const, 5, B> const& clips, vit_size const& s, location at) {
  index_t const t = clips.extent(2), h = clips.extent(3), w = clips.extent(4);
  if (t < 1 || h < 1 || w < 1 || t % s.tubelet != 0 || h % s.patch != 0 || w % s.patch != 0)
    throw_expected(op, "clips shape",
                   "frames a multiple of " + std::to_string(s.tubelet) + ", height and width multiples of " +
                       std::to_string(s.patch),
                   to_string(clips.extents()), at);
  return {t / s.tubelet, h / s.patch, w / s.patch};
}

}  // namespace scale
