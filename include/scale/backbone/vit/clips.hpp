// SPDX-License-Identifier: Apache-2.0
#pragma once
// How every transformer on clips begins: one clip after another, cut into patches that a linear layer embeds; tables of
// positions in the network's type.

#include <scale/backbone/backbone.hpp>
#include <scale/backbone/vit/block.hpp>
#include <scale/backbone/vit/size.hpp>
#include <scale/ops/patch_rows.hpp>
#include <scale/ops/transfer.hpp>

#include <string_view>
#include <vector>

namespace scale {

/// Checks clips [n, 3, t, h, w] and features [n, size.width], calls place(grid) where there are clips, then
/// run(clip, feature) for each in order. Throws argument_error for shapes that the network cannot take.
template <class T, backend B, class Place, class Run>
void for_each_clip(std::string_view name, tensor_view<T const, 5, B> const& clips, tensor_view<T, 2, B> const& features,
                   vit_size const& size, location at, Place const& place, Run const& run) {
  expect_backbone_shapes(name, clips, features, size.width, at);
  if (clips.extent(0) == 0) return;
  place(grid_of_clips(name, clips, size, at));
  for (index_t i = 0; i < clips.extent(0); ++i) run(clips.rows(i, 1), features.rows(i, 1));
}

/// Patches of one clip through `layer` to `rows` [tokens, width], in order (t h w). Uses memory.wide, which holds
/// nothing afterwards.
template <floating T, backend B>
void embed_patches(B const& b, tensor_view<T const, 5, B> clip, vit_size const& size, frozen_linear<T, B> const& layer,
                   tensor_view<T, 2, B> rows, vit_workspace<T, B>& memory) {
  tensor_view<T, 2, B> const pixels = memory.wide.rows(b, rows.extent(0), size.patch_columns());
  patch_rows(b, clip, {.frames = size.tubelet, .size = size.patch, .y = pixels});
  layer.forward(b, pixels, rows);
}

/// Rows of `width` numbers in T; from double to bf16 by way of float, as weights are.
template <floating T, backend B>
tensor<T, 2, B> upload_table(B const& b, std::vector<double> const& values, index_t width) {
  std::vector<T> numbers;
  numbers.reserve(values.size());
  for (double const v : values) numbers.push_back(T(static_cast<stat_t<T>>(v)));
  tensor<T, 2, B> table(b, shape{static_cast<index_t>(values.size()) / width, width});
  upload(b, numbers, table);
  return table;
}

}  // namespace scale
