// SPDX-License-Identifier: Apache-2.0
#pragma once
// V-JEPA 2 (Assran et al., 2025): the encoder, a vision transformer over tubelets of 2 x 16 x 16 pixels with rotary
// positions. Feature: mean over all tokens after the last norm.

#include <scale/backbone/backbone.hpp>
#include <scale/backbone/stages.hpp>
#include <scale/backbone/vit/block.hpp>
#include <scale/backbone/vit/clips.hpp>
#include <scale/backbone/vit/positions.hpp>
#include <scale/backbone/vjepa2/names.hpp>
#include <scale/io/weights_record.hpp>
#include <scale/ops/rotary.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scale {

inline constexpr vit_size vjepa2_large{.width = 1024, .depth = 24, .heads = 16, .hidden = 4096};
inline constexpr vit_size vjepa2_huge{.width = 1280, .depth = 32, .heads = 16, .hidden = 5120};
inline constexpr vit_size vjepa2_giant{.width = 1408, .depth = 40, .heads = 22, .hidden = 6144};

/// A name on the command line with the size it stands for.
struct vjepa2_l {
  static constexpr char const* name = "vjepa2_l";
  static constexpr vit_size size = vjepa2_large;
};
struct vjepa2_h {
  static constexpr char const* name = "vjepa2_h";
  static constexpr vit_size size = vjepa2_huge;
};
struct vjepa2_g {
  static constexpr char const* name = "vjepa2_g";
  static constexpr vit_size size = vjepa2_giant;
};

/// Any t that is a multiple of 2, h and w multiples of 16. Owns its weights, in float 1.2 GB for L; loading takes one
/// tensor's size more. A clip of 16 x 256 x 256 costs 1.7 TFLOP and, once, 52 MB of workspace in float; 64 frames, of
/// which every token sees all others, 12 TFLOP and 172 MB.
template <floating T, backend B, class Kind>
class vjepa2_backbone {
 public:
  static constexpr char const* name = Kind::name;
  static constexpr backbone_input input = backbone_input::clip;

  static constexpr backbone_defaults defaults() {
    return {.size = 256, .mean = {.485, .456, .406}, .std = {.229, .224, .225}};
  }

  /// Takes the weights from `source`, named as in the original files or in those of `transformers`; names in `allow`
  /// may be missing or unused. Throws input_error that lists what is missing, unused or of a wrong shape, and for the
  /// first V-JEPA's weights.
  template <weight_source Source>
  vjepa2_backbone(B const& b, Source const& source, std::span<std::string const> allow = {},
                  vit_size const& size = Kind::size, location at = location::current())
      : size_(size) {
    expect_vit_size(name, size_, at);
    expect(size_.head_width() % 2 == 0, name, "size: heads of an even width are expected, channels turn in pairs", at);
    expect_rotary(source);
    std::vector<weight_spec> const specs = vjepa2_weights(size_);
    std::vector<weight_naming> const namings = vjepa2_namings();
    loaded_weights const weights = load_weights(source, specs, namings, allow, at);
    frozen_reader<T, B> const from(b, weights);
    index_t const c = size_.width;
    patches_ = from.linear("patch_embed.proj", size_.patch_columns(), c);
    for (index_t i = 0; i < size_.depth; ++i) {
      std::string const block = "blocks." + std::to_string(i) + ".";
      blocks_.push_back({{from.norm(block + "norm1", c, eps), from.linear(block + "attn.qkv", c, 3 * c),
                          from.linear(block + "attn.proj", c, c), size_.heads},
                         read_vit_mlp(from, block, size_, eps)});
    }
    norm_ = from.norm("norm", c, eps);
    record_ = record_of(source, weights);
  }

  index_t feature_width() const { return size_.width; }
  std::string weights_sha256() const { return record_.sha256; }
  loading_report const& loading() const { return record_.loading; }

  /// One clip after another. `stages(name, rows)` is called after each stage of each clip in order, with a view
  /// [tokens, width] that is valid during the call: embed, block0, block1, ..., norm; rows in order (t h w).
  template <class Stages = ignore_stages>
  void forward(B const& b, tensor_view<T const, 5, B> clips, tensor_view<T, 2, B> features, Stages&& stages = {},
               location at = location::current()) {
    for_each_clip(
        name, clips, features, size_, at, [&](patch_grid const& grid) { place(b, grid); },
        [&](auto const& clip, auto const& feature) { run(b, clip, feature, stages); });
  }

 private:
  static constexpr double eps = 1e-6;

  /// Angles of a grid; nothing where they are there already.
  void place(B const& b, patch_grid const& grid) {
    if (grid == grid_) return;
    rotary_tables const tables = rotary_positions(grid, size_.head_width());
    cosine_ = upload_table<T>(b, tables.cosine, size_.head_width());
    sine_ = upload_table<T>(b, tables.sine, size_.head_width());
    grid_ = grid;
  }

  template <class Stages>
  void run(B const& b, tensor_view<T const, 5, B> clip, tensor_view<T, 2, B> feature, Stages& stages) {
    index_t const n = grid_.tokens(), c = size_.width;
    tensor_view<T, 2, B> const x = memory_.tokens.rows(b, n, c);
    auto const stage = [&](std::string const& of, tensor_view<T const, 2, B> const& rows) {
      stages(std::string_view(of), rows);
    };
    auto const turn = [&](tensor_view<T, 2, B> const& rows) {
      rotary(b, rows, {.cosine = cosine_, .sine = sine_, .y = rows});
    };
    embed_patches(b, clip, size_, patches_, x, memory_);
    stage("embed", x);
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      blocks_[i].attention.add(b, x, memory_, turn);
      blocks_[i].mlp.add(b, x, memory_);
      stage("block" + std::to_string(i), x);
    }
    tensor_view<T, 2, B> const normed = memory_.narrow.rows(b, n, c);
    norm_.forward(b, x, normed, memory_.statistics);
    stage("norm", normed);
    mean_of_tokens(b, normed, grid_, feature);
  }

  vit_size size_;
  frozen_linear<T, B> patches_;
  std::vector<vit_block<T, B>> blocks_;
  frozen_norm<T, B> norm_;
  weights_record record_;
  patch_grid grid_;                // that the angles are of
  tensor<T, 2, B> cosine_, sine_;  // [tokens, width of a head]
  vit_workspace<T, B> memory_;
};

template <floating T, backend B>
using vjepa2_l_backbone = vjepa2_backbone<T, B, vjepa2_l>;
template <floating T, backend B>
using vjepa2_h_backbone = vjepa2_backbone<T, B, vjepa2_h>;
template <floating T, backend B>
using vjepa2_g_backbone = vjepa2_backbone<T, B, vjepa2_g>;

}  // namespace scale
