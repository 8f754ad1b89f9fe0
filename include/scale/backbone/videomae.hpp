// SPDX-License-Identifier: Apache-2.0
#pragma once
// VideoMAE (Tong et al., NeurIPS 2022): a vision transformer over tubelets of 2 x 16 x 16 pixels with fixed positions.

#include <scale/backbone/backbone.hpp>
#include <scale/backbone/stages.hpp>
#include <scale/backbone/videomae/names.hpp>
#include <scale/backbone/vit/block.hpp>
#include <scale/backbone/vit/clips.hpp>
#include <scale/backbone/vit/positions.hpp>
#include <scale/io/file_error.hpp>
#include <scale/io/weights_record.hpp>
#include <scale/ops/copy.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scale {

inline constexpr vit_size videomae_base{.width = 768, .depth = 12, .heads = 12, .hidden = 3072};
inline constexpr vit_size videomae_large{.width = 1024, .depth = 24, .heads = 16, .hidden = 4096};

/// A name on the command line with what it stands for. Without a pooling the weights file tells which it is.
struct videomae_b {
  static constexpr char const* name = "videomae_b";
  static constexpr vit_size size = videomae_base;
  static constexpr std::optional<videomae_pooling> pooling = std::nullopt;
};
struct videomae_b_pretrained : videomae_b {
  static constexpr char const* name = "videomae_b_pretrained";
  static constexpr std::optional<videomae_pooling> pooling = videomae_pooling::norm_then_mean;
};
struct videomae_b_finetuned : videomae_b {
  static constexpr char const* name = "videomae_b_finetuned";
  static constexpr std::optional<videomae_pooling> pooling = videomae_pooling::mean_then_norm;
};
struct videomae_l {
  static constexpr char const* name = "videomae_l";
  static constexpr vit_size size = videomae_large;
  static constexpr std::optional<videomae_pooling> pooling = std::nullopt;
};
struct videomae_l_pretrained : videomae_l {
  static constexpr char const* name = "videomae_l_pretrained";
  static constexpr std::optional<videomae_pooling> pooling = videomae_pooling::norm_then_mean;
};
struct videomae_l_finetuned : videomae_l {
  static constexpr char const* name = "videomae_l_finetuned";
  static constexpr std::optional<videomae_pooling> pooling = videomae_pooling::mean_then_norm;
};

/// Which of the two a file holds, by its last norm: `fc_norm`, or `norm` (in transformers' words `layernorm`). Throws
/// input_error where it has both or neither.
template <weight_source Source>
videomae_pooling videomae_pooling_of(Source const& source) {
  bool pretrained = false, finetuned = false;
  for (stored_tensor const& tensor : source.tensors()) {
    std::string_view const name = tensor.name;
    auto const is = [&](std::string_view whole) {
      if (!name.ends_with(whole)) return false;
      std::string_view const before = name.substr(0, name.size() - whole.size());
      return (before.empty() || before.ends_with('.') || before.ends_with('/')) && !before.ends_with("decoder.");
    };
    finetuned = finetuned || is("fc_norm.weight");
    pretrained = pretrained || is("norm.weight") || is("layernorm.weight");
  }
  if (pretrained == finetuned)
    refuse_file(source.path(), std::string("expected the last norm of a VideoMAE encoder, either norm.weight "
                                           "(pre-trained) or fc_norm.weight (fine-tuned); found ") +
                                   (pretrained ? "both; say which is meant by the backbone's name, ending in "
                                                 "_pretrained or _finetuned"
                                               : "neither; give the weights of this network"));
  return finetuned ? videomae_pooling::mean_then_norm : videomae_pooling::norm_then_mean;
}

/// Any t that is a multiple of 2, h and w multiples of 16; positions are resized to the clip's grid. Owns its weights,
/// in float 0.35 GB for B and 1.2 GB for L; loading takes one tensor's size more. A clip of 16 x 224 x 224 costs 0.36
/// (L: 1.2) TFLOP and, once, 34 (L: 45) MB of workspace in float.
template <floating T, backend B, class Kind>
class videomae_backbone {
 public:
  static constexpr char const* name = Kind::name;
  static constexpr backbone_input input = backbone_input::clip;

  static constexpr backbone_defaults defaults() { return {.mean = {.485, .456, .406}, .std = {.229, .224, .225}}; }

  /// Takes the weights from `source`, named as in the original files or in those of `transformers`; names in `allow`
  /// may be missing or unused. Throws input_error that lists what is missing, unused or of a wrong shape.
  template <weight_source Source>
  videomae_backbone(B const& b, Source const& source, std::span<std::string const> allow = {},
                    vit_size const& size = Kind::size, location at = location::current())
      : size_(size), pooling_(Kind::pooling ? *Kind::pooling : videomae_pooling_of(source)) {
    expect_vit_size(name, size, at);
    std::vector<weight_spec> const specs = videomae_weights(size_, pooling_);
    std::vector<weight_naming> const namings = videomae_namings();
    loaded_weights const weights = load_weights(source, specs, namings, allow, at);
    frozen_reader<T, B> const from(b, weights);
    index_t const c = size_.width;
    patches_ = from.linear("patch_embed.proj", size_.patch_columns(), c);
    for (index_t i = 0; i < size_.depth; ++i) {
      std::string const block = "blocks." + std::to_string(i) + ".";
      std::vector<stat_t<T>> bias = from.values(block + "attn.q_bias", c);
      std::vector<stat_t<T>> const v_bias = from.values(block + "attn.v_bias", c);
      bias.resize(static_cast<std::size_t>(2 * c), stat_t<T>(0));
      bias.insert(bias.end(), v_bias.begin(), v_bias.end());
      blocks_.push_back(
          {{from.norm(block + "norm1", c, eps), from.linear(block + "attn.qkv", c, 3 * c, from.vector(bias)),
            from.linear(block + "attn.proj", c, c), size_.heads},
           read_vit_mlp(from, block, size_, eps)});
    }
    norm_ = from.norm(pooling_ == videomae_pooling::norm_then_mean ? "norm" : "fc_norm", c, eps);
    record_ = record_of(source, weights);
  }

  index_t feature_width() const { return size_.width; }
  std::string weights_sha256() const { return record_.sha256; }
  loading_report const& loading() const { return record_.loading; }
  videomae_pooling pooling_of_tokens() const { return pooling_; }

  /// One clip after another. `stages(name, rows)` is called after each stage of each clip in order, with a view
  /// [tokens, width] that is valid during the call: patch, embed, block0, block1, ..., and norm where it is over
  /// all tokens; rows in order (t h w).
  template <class Stages = ignore_stages>
  void forward(B const& b, tensor_view<T const, 5, B> clips, tensor_view<T, 2, B> features, Stages&& stages = {},
               location at = location::current()) {
    for_each_clip(
        name, clips, features, size_, at, [&](patch_grid const& grid) { place(b, grid); },
        [&](auto const& clip, auto const& feature) { run(b, clip, feature, stages); });
  }

 private:
  static constexpr double eps = 1e-6;
  static constexpr patch_grid table_grid{8, 14, 14};  // of the fixed positions

  /// Positions of a grid; nothing where they are there already.
  void place(B const& b, patch_grid const& grid) {
    if (grid == grid_) return;
    std::vector<double> const resized =
        resize_positions(sine_cosine_table(table_grid.tokens(), size_.width), table_grid, grid, size_.width);
    positions_ = upload_table<T>(b, resized, size_.width);
    grid_ = grid;
  }

  template <class Stages>
  void run(B const& b, tensor_view<T const, 5, B> clip, tensor_view<T, 2, B> feature, Stages& stages) {
    index_t const n = grid_.tokens(), c = size_.width;
    tensor_view<T, 2, B> const x = memory_.tokens.rows(b, n, c);
    auto const stage = [&](std::string const& of, tensor_view<T const, 2, B> const& rows) {
      stages(std::string_view(of), rows);
    };
    embed_patches(b, clip, size_, patches_, x, memory_);
    stage("patch", x);
    copy(b, positions_, {.y = x, .mode = write_mode::accumulate});
    stage("embed", x);
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      blocks_[i].attention.add(b, x, memory_);
      blocks_[i].mlp.add(b, x, memory_);
      stage("block" + std::to_string(i), x);
    }
    if (pooling_ == videomae_pooling::norm_then_mean) {
      tensor_view<T, 2, B> const normed = memory_.narrow.rows(b, n, c);
      norm_.forward(b, x, normed, memory_.statistics);
      stage("norm", normed);
      mean_of_tokens(b, normed, grid_, feature);
    } else {
      tensor_view<T, 2, B> const mean = memory_.narrow.rows(b, 1, c);
      mean_of_tokens(b, x, grid_, mean);
      norm_.forward(b, mean, feature, memory_.statistics);
    }
  }

  vit_size size_;
  videomae_pooling pooling_;
  frozen_linear<T, B> patches_;
  std::vector<vit_block<T, B>> blocks_;
  frozen_norm<T, B> norm_;
  weights_record record_;
  patch_grid grid_;            // that positions_ are of
  tensor<T, 2, B> positions_;  // [tokens, width]
  vit_workspace<T, B> memory_;
};

template <floating T, backend B>
using videomae_b_backbone = videomae_backbone<T, B, videomae_b>;
template <floating T, backend B>
using videomae_b_pretrained_backbone = videomae_backbone<T, B, videomae_b_pretrained>;
template <floating T, backend B>
using videomae_b_finetuned_backbone = videomae_backbone<T, B, videomae_b_finetuned>;
template <floating T, backend B>
using videomae_l_backbone = videomae_backbone<T, B, videomae_l>;
template <floating T, backend B>
using videomae_l_pretrained_backbone = videomae_backbone<T, B, videomae_l_pretrained>;
template <floating T, backend B>
using videomae_l_finetuned_backbone = videomae_backbone<T, B, videomae_l_finetuned>;

}  // namespace scale
