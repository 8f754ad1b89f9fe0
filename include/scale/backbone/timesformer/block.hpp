// SPDX-License-Identifier: Apache-2.0
#pragma once
// A block of divided space-time attention (Bertasius et al., "Is Space-Time Attention All You Need for Video
// Understanding?", ICML 2021), forward only.

#include <scale/backbone/vit/block.hpp>
#include <scale/ops/gather_rows.hpp>
#include <scale/ops/group_mean.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace scale {

/// Rows of a clip's tokens: the class token, then the patches in order (h w t), so that the frames of a place are
/// neighbours; and rows frame by frame, each frame with a class token of its own: row f (1 + places) + s is place s - 1
/// of frame f, or the class token for s = 0.
template <backend B>
class divided_order {
 public:
  divided_order() = default;

  divided_order(B const& b, patch_grid const& grid) : grid_(grid) {
    index_t const frame_rows = 1 + grid.places();
    std::vector<std::int32_t> frames, places, patches;
    for (index_t f = 0; f < grid.t; ++f)
      for (index_t s = 0; s < frame_rows; ++s)
        frames.push_back(static_cast<std::int32_t>(s == 0 ? 0 : 1 + (s - 1) * grid.t + f));
    for (index_t s = 0; s < grid.places(); ++s)
      for (index_t f = 0; f < grid.t; ++f) {
        places.push_back(static_cast<std::int32_t>(f * frame_rows + 1 + s));
        patches.push_back(static_cast<std::int32_t>(f * grid.places() + s));
      }
    by_frame_ = make(b, frames), by_place_ = make(b, places), patches_ = make(b, patches);
  }

  patch_grid const& grid() const { return grid_; }

  tensor_view<std::int32_t const, 1, B> by_frame() const { return by_frame_; }  // a token's row, for each frame row
  tensor_view<std::int32_t const, 1, B> by_place() const { return by_place_; }  // a frame row, for each patch
  tensor_view<std::int32_t const, 1, B> patches() const { return patches_; }    // row in (t h w), for each patch

 private:
  static tensor<std::int32_t, 1, B> make(B const& b, std::vector<std::int32_t> const& values) {
    tensor<std::int32_t, 1, B> result(b, shape{static_cast<index_t>(values.size())});
    upload(b, values, result);
    return result;
  }

  patch_grid grid_;
  tensor<std::int32_t, 1, B> by_frame_, by_place_, patches_;
};

/// Memory of one forward pass beside vit_workspace.
template <floating T, backend B>
struct divided_workspace {
  vit_workspace<T, B> shared;
  row_buffer<T, B> gathered, attended;  // 3 c and c numbers per row of a frame
};

template <floating T, backend B>
struct divided_block {
  frozen_norm<T, B> temporal_norm, norm;
  frozen_linear<T, B> temporal_qkv, temporal_proj, temporal_fc, qkv, proj;
  vit_mlp<T, B> mlp;
  index_t heads = 1;

  /// x [1 + tokens, c] in the order of divided_order, changed in place.
  void run(B const& b, tensor_view<T, 2, B> x, divided_order<B> const& order, divided_workspace<T, B>& memory) const {
    over_time(b, x.rows(1, x.extent(0) - 1), order.grid(), memory);
    over_space(b, x, order, memory);
    mlp.add(b, x, memory.shared);
  }

 private:
  /// Every patch looks at its place in all frames; the class token takes no part.
  void over_time(B const& b, tensor_view<T, 2, B> x, patch_grid const& grid, divided_workspace<T, B>& memory) const {
    index_t const n = x.extent(0), c = x.extent(1);
    auto const narrow = memory.shared.narrow.rows(b, n, c);   // [n, c]
    auto const joint = memory.shared.wide.rows(b, n, 3 * c);  // [n, 3c]: q, k, v
    auto const attended = memory.attended.rows(b, n, c);      // [n, c]
    temporal_norm.forward(b, x, narrow, memory.shared.statistics);
    temporal_qkv.forward(b, narrow, joint);
    attend(b, joint, grid.t, attended);
    temporal_proj.forward(b, attended, narrow);
    temporal_fc.add(b, narrow, x);
  }

  /// Every patch looks at its frame and the class token; the class token at each frame, and takes the mean. That mean
  /// is taken before the projection, which is linear: the same, for one row in place of t.
  void over_space(B const& b, tensor_view<T, 2, B> x, divided_order<B> const& order,
                  divided_workspace<T, B>& memory) const {
    index_t const n = x.extent(0), c = x.extent(1), t = order.grid().t, frame_rows = 1 + order.grid().places();
    auto const narrow = memory.shared.narrow.rows(b, n, c);                // [n, c]
    auto const joint = memory.shared.wide.rows(b, n, 3 * c);               // [n, 3c]: q, k, v
    auto const gathered = memory.gathered.rows(b, t * frame_rows, 3 * c);  // [t (1 + places), 3c]
    auto const attended = memory.attended.rows(b, t * frame_rows, c);      // [t (1 + places), c]
    norm.forward(b, x, narrow, memory.shared.statistics);
    qkv.forward(b, narrow, joint);
    gather_rows_forward(b, joint, {.index = order.by_frame(), .y = gathered});
    attend(b, gathered, frame_rows, attended);
    tensor_view<T, 2, B> const class_tokens(attended.data_handle(), shape{t, c}, shape{frame_rows * c, index_t{1}});
    group_mean_forward(b, class_tokens, {.group = t, .y = narrow.rows(0, 1)});
    gather_rows_forward(b, attended, {.index = order.by_place(), .y = narrow.rows(1, n - 1)});
    proj.add(b, narrow, x);
  }

  void attend(B const& b, tensor_view<T, 2, B> joint, index_t tokens, tensor_view<T, 2, B> out) const {
    index_t const c = out.extent(1);
    attention_forward(
        b, joint.columns(0, c),
        {.k = joint.columns(c, c), .v = joint.columns(2 * c, c), .heads = heads, .tokens = tokens, .out = out});
  }
};

/// Block I, whose names begin with `name` = "blocks.I.".
template <floating T, backend B>
divided_block<T, B> read_divided_block(frozen_reader<T, B> const& from, std::string const& name, vit_size const& s,
                                       double eps) {
  index_t const c = s.width;
  return {from.norm(name + "temporal_norm1", c, eps),
          from.norm(name + "norm1", c, eps),
          from.linear(name + "temporal_attn.qkv", c, 3 * c),
          from.linear(name + "temporal_attn.proj", c, c),
          from.linear(name + "temporal_fc", c, c),
          from.linear(name + "attn.qkv", c, 3 * c),
          from.linear(name + "attn.proj", c, c),
          read_vit_mlp(from, name, s, eps),
          s.heads};
}

}  // namespace scale
