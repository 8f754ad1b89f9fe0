// SPDX-License-Identifier: Apache-2.0
#pragma once
// TimeSformer (Bertasius et al., ICML 2021), and SVT (Ranasinghe et al., CVPR 2022), the same network trained without
// labels: a transformer over patches of 16 x 16 with divided space-time attention. Feature: the class token.

#include <scale/backbone/backbone.hpp>
#include <scale/backbone/stages.hpp>
#include <scale/backbone/timesformer/block.hpp>
#include <scale/backbone/timesformer/names.hpp>
#include <scale/backbone/vit/clips.hpp>
#include <scale/backbone/vit/positions.hpp>
#include <scale/io/weights_record.hpp>
#include <scale/ops/copy.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scale {

/// How learnt positions meet a clip of another grid than they were learnt on.
enum class position_resize {
  nearest,    // places and frames each on their own, source floor(i * in / out)
  trilinear,  // the sum of both, half-pixel centres: as SCALE (ICCV 2023) runs SVT on 16 frames
};

/// Places [t h w, width] in order (h w t) for a clip's grid, from `places` [h w, width] and `frames` [t, width] learnt
/// on `table`.
inline std::vector<double> divided_positions(std::vector<double> const& places, std::vector<double> const& frames,
                                             patch_grid const& table, patch_grid const& grid, index_t width,
                                             position_resize how) {
  auto const at = [width](std::vector<double> const& rows, index_t row, index_t j) {
    return rows[static_cast<std::size_t>(row * width + j)];
  };
  std::vector<double> summed, result;
  if (how == position_resize::trilinear) {
    for (index_t t = 0; t < table.t; ++t)
      for (index_t s = 0; s < table.places(); ++s)
        for (index_t j = 0; j < width; ++j) summed.push_back(at(places, s, j) + at(frames, t, j));
    summed = resize_positions(summed, table, grid, width);
  }
  for (index_t h = 0; h < grid.h; ++h)
    for (index_t w = 0; w < grid.w; ++w)
      for (index_t t = 0; t < grid.t; ++t)
        for (index_t j = 0; j < width; ++j) {
          index_t const place = h * table.h / grid.h * table.w + w * table.w / grid.w;
          result.push_back(how == position_resize::trilinear
                               ? at(summed, (t * grid.h + h) * grid.w + w, j)
                               : at(places, place, j) + at(frames, t * table.t / grid.t, j));
        }
  return result;
}

/// A name on the command line with what it stands for.
struct timesformer {
  static constexpr char const* name = "timesformer";
  static constexpr position_resize resize = position_resize::nearest;
  static constexpr double eps = 1e-6;
  static constexpr backbone_defaults defaults{
      .frames = 8, .stride = 32, .mean = {.45, .45, .45}, .std = {.225, .225, .225}};
};
struct svt {
  static constexpr char const* name = "svt";
  static constexpr position_resize resize = position_resize::trilinear;
  static constexpr double eps = 1e-5;
  static constexpr backbone_defaults defaults{.mean = {.45, .45, .45}, .std = {.225, .225, .225}};
};

/// Extents of the network; positions were learnt for clips of 8 frames of 224 x 224.
struct timesformer_size {
  vit_size transformer{.width = 768, .depth = 12, .heads = 12, .hidden = 3072, .tubelet = 1};
  patch_grid table{8, 14, 14};
};

/// Any t >= 1, h and w multiples of 16; positions are resized to the clip's grid. Owns its weights, 0.49 GB in float;
/// loading takes one tensor's size more. A clip of 16 x 224 x 224 costs 0.78 TFLOP and, once, 100 MB of workspace in
/// float.
template <floating T, backend B, class Kind>
class divided_attention_backbone {
 public:
  static constexpr char const* name = Kind::name;
  static constexpr backbone_input input = backbone_input::clip;

  static constexpr backbone_defaults defaults() { return Kind::defaults; }

  /// Takes the weights from `source`, named as in the original files or in those of `transformers`; names in `allow`
  /// may be missing or unused. Throws input_error that lists what is missing, unused or of a wrong shape.
  template <weight_source Source>
  divided_attention_backbone(B const& b, Source const& source, std::span<std::string const> allow = {},
                             timesformer_size const& size = {}, location at = location::current())
      : size_(size.transformer), table_(size.table) {
    expect_vit_size(name, size_, at);
    expect(size_.tubelet == 1, name, "size: patches of one frame are expected, tubelet = 1", at);
    std::vector<weight_spec> const specs = timesformer_weights(size_, table_);
    std::vector<weight_naming> const namings = timesformer_namings();
    loaded_weights const weights = load_weights(source, specs, namings, allow, at);
    frozen_reader<T, B> const from(b, weights);
    index_t const c = size_.width;
    class_token_ = from.template values<double>("cls_token", c);
    places_ = from.template values<double>("pos_embed", (1 + table_.places()) * c);
    frames_ = from.template values<double>("time_embed", table_.t * c);
    for (std::size_t j = 0; j < class_token_.size(); ++j) class_token_[j] += places_[j];
    places_.erase(places_.begin(), places_.begin() + c);
    patches_ = from.linear("patch_embed.proj", size_.patch_columns(), c);
    for (index_t i = 0; i < size_.depth; ++i)
      blocks_.push_back(read_divided_block(from, "blocks." + std::to_string(i) + ".", size_, Kind::eps));
    norm_ = from.norm("norm", c, Kind::eps);
    record_ = record_of(source, weights);
  }

  index_t feature_width() const { return size_.width; }
  std::string weights_sha256() const { return record_.sha256; }
  loading_report const& loading() const { return record_.loading; }

  /// One clip after another. `stages(name, rows)` is called after each stage of each clip in order, with a view
  /// [tokens, width] that is valid during the call: patch, rows in order (t h w); then embed, block0, block1, ...,
  /// norm: the class token, then rows in order (h w t).
  template <class Stages = ignore_stages>
  void forward(B const& b, tensor_view<T const, 5, B> clips, tensor_view<T, 2, B> features, Stages&& stages = {},
               location at = location::current()) {
    for_each_clip(
        name, clips, features, size_, at, [&](patch_grid const& grid) { place(b, grid); },
        [&](auto const& clip, auto const& feature) { run(b, clip, feature, stages); });
  }

 private:
  /// Positions and order of a grid; nothing where they are there already.
  void place(B const& b, patch_grid const& grid) {
    if (grid == order_.grid()) return;
    std::vector<double> rows = divided_positions(places_, frames_, table_, grid, size_.width, Kind::resize);
    rows.insert(rows.begin(), class_token_.begin(), class_token_.end());
    positions_ = upload_table<T>(b, rows, size_.width);
    order_ = divided_order<B>(b, grid);
  }

  template <class Stages>
  void run(B const& b, tensor_view<T const, 5, B> clip, tensor_view<T, 2, B> feature, Stages& stages) {
    index_t const n = order_.grid().tokens(), c = size_.width;
    vit_workspace<T, B>& shared = memory_.shared;
    tensor_view<T, 2, B> const x = shared.tokens.rows(b, 1 + n, c);
    auto const stage = [&](std::string const& of, tensor_view<T const, 2, B> const& rows) {
      stages(std::string_view(of), rows);
    };
    {
      tensor_view<T, 2, B> const embedded = shared.narrow.rows(b, n, c);
      embed_patches(b, clip, size_, patches_, embedded, shared);
      stage("patch", embedded);
      tensor_view<T const, 2, B> const positions = positions_;
      copy(b, positions.rows(0, 1), {.y = x.rows(0, 1)});
      gather_rows_forward(b, embedded, {.index = order_.patches(), .y = x.rows(1, n)});
      copy(b, positions.rows(1, n), {.y = x.rows(1, n), .mode = write_mode::accumulate});
    }
    stage("embed", x);
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      blocks_[i].run(b, x, order_, memory_);
      stage("block" + std::to_string(i), x);
    }
    tensor_view<T, 2, B> const normed = shared.narrow.rows(b, 1 + n, c);
    norm_.forward(b, x, normed, shared.statistics);
    stage("norm", normed);
    copy(b, normed.rows(0, 1), {.y = feature});
  }

  vit_size size_;
  patch_grid table_;                                   // that positions were learnt on
  std::vector<double> class_token_, places_, frames_;  // [c] with its position, [h w, c], [t, c]
  frozen_linear<T, B> patches_;
  std::vector<divided_block<T, B>> blocks_;
  frozen_norm<T, B> norm_;
  weights_record record_;
  divided_order<B> order_;     // of the last clip's grid
  tensor<T, 2, B> positions_;  // [1 + tokens, width] of that grid
  divided_workspace<T, B> memory_;
};

template <floating T, backend B>
using timesformer_backbone = divided_attention_backbone<T, B, timesformer>;
template <floating T, backend B>
using svt_backbone = divided_attention_backbone<T, B, svt>;

}  // namespace scale
