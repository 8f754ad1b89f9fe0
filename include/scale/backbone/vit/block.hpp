// SPDX-License-Identifier: Apache-2.0
#pragma once
// The two halves of a pre-norm transformer block (Dosovitskiy et al., "An Image is Worth 16x16 Words", 2021), forward
// only, and the memory they share.

#include <scale/backbone/vit/layers.hpp>
#include <scale/backbone/vit/size.hpp>
#include <scale/ops/attention.hpp>
#include <scale/ops/mean_pool.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace scale {

/// Memory of one forward pass, shared by all blocks: for n tokens of width c, n c of `tokens` and of `narrow`, and of
/// `wide` the larger of 3 n c and what an MLP takes. One object serves one thread.
template <floating T, backend B>
struct vit_workspace {
  row_buffer<T, B> tokens, narrow, wide;
  row_buffer<stat_t<T>, B> statistics;
};

/// x += fc2(gelu(fc1(norm(x))))
template <floating T, backend B>
struct vit_mlp {
  static constexpr index_t rows_at_once = 2048;  // bounds the hidden rows: 25 MB for ViT-B in float

  frozen_norm<T, B> norm;
  frozen_linear<T, B> fc1, fc2;

  void add(B const& b, tensor_view<T, 2, B> x, vit_workspace<T, B>& memory) const {
    for (index_t first = 0; first < x.extent(0); first += rows_at_once) {
      index_t const count = (std::min)(rows_at_once, x.extent(0) - first);
      tensor_view<T, 2, B> const part = x.rows(first, count);
      auto const normed = memory.narrow.rows(b, count, x.extent(1));  // [count, c]
      auto const hidden = memory.wide.rows(b, count, fc1.outputs);    // [count, hidden]
      norm.forward(b, part, normed, memory.statistics);
      fc1.forward(b, normed, hidden, activation::gelu);
      fc2.add(b, hidden, part);
    }
  }
};

/// x += proj(attention(qkv(norm(x)))), where every token looks at all others.
template <floating T, backend B>
struct vit_attention {
  frozen_norm<T, B> norm;
  frozen_linear<T, B> qkv, proj;
  index_t heads = 1;

  /// `turn(rows)` may change queries, and again keys, rows [n, c] each, before they meet: rotary positions.
  template <class Turn>
  void add(B const& b, tensor_view<T, 2, B> x, vit_workspace<T, B>& memory, Turn const& turn) const {
    index_t const n = x.extent(0), c = x.extent(1);
    auto const normed = memory.narrow.rows(b, n, c);   // [n, c]
    auto const joint = memory.wide.rows(b, n, 3 * c);  // [n, 3c]: q, k, v
    norm.forward(b, x, normed, memory.statistics);
    qkv.forward(b, normed, joint);
    turn(joint.columns(0, c));
    turn(joint.columns(c, c));
    attention_forward(
        b, joint.columns(0, c),
        {.k = joint.columns(c, c), .v = joint.columns(2 * c, c), .heads = heads, .tokens = n, .out = normed});
    proj.add(b, normed, x);
  }

  void add(B const& b, tensor_view<T, 2, B> x, vit_workspace<T, B>& memory) const {
    add(b, x, memory, [](auto const&) {});
  }
};

template <floating T, backend B>
struct vit_block {
  vit_attention<T, B> attention;
  vit_mlp<T, B> mlp;
};

/// Mean over the rows of x [tokens, c] of a grid -> y [1, c], line by line: the error is that of short sums.
template <floating T, backend B>
void mean_of_tokens(B const& b, tensor_view<T, 2, B> x, patch_grid const& grid, tensor_view<T, 2, B> y) {
  index_t const c = x.extent(1), row = x.stride(0);
  tensor_view<T const, 4, B> const places(x.data_handle(), shape<4>{{1, c, grid.t * grid.h, grid.w}},
                                          shape<4>{{x.extent(0) * row, 1, grid.w * row, row}});
  mean_pool_forward(b, places, {.y = y});
}

/// The MLP of a block whose names begin with `name` ("blocks.0."): norm2, mlp.fc1, mlp.fc2.
template <floating T, backend B>
vit_mlp<T, B> read_vit_mlp(frozen_reader<T, B> const& from, std::string const& name, vit_size const& s, double eps) {
  return {from.norm(name + "norm2", s.width, eps), from.linear(name + "mlp.fc1", s.width, s.hidden),
          from.linear(name + "mlp.fc2", s.hidden, s.width)};
}

/// Appends a tensor's description; weights of nothing but zeros are refused.
inline void add_weight_spec(std::vector<weight_spec>& specs, std::string name, std::vector<index_t> extents) {
  specs.push_back({std::move(name), std::move(extents), zero_weight::refused});
}

/// `name`.weight [outputs, inputs] and `name`.bias.
inline void add_linear_specs(std::vector<weight_spec>& specs, std::string const& name, index_t inputs,
                             index_t outputs) {
  add_weight_spec(specs, name + ".weight", {outputs, inputs});
  specs.push_back({name + ".bias", {outputs}});
}

inline void add_norm_specs(std::vector<weight_spec>& specs, std::string const& name, index_t width) {
  add_weight_spec(specs, name + ".weight", {width});
  specs.push_back({name + ".bias", {width}});
}

/// What read_vit_mlp reads.
inline void add_mlp_specs(std::vector<weight_spec>& specs, std::string const& name, vit_size const& s) {
  add_norm_specs(specs, name + "norm2", s.width);
  add_linear_specs(specs, name + "mlp.fc1", s.width, s.hidden);
  add_linear_specs(specs, name + "mlp.fc2", s.hidden, s.width);
}

}  // namespace scale
