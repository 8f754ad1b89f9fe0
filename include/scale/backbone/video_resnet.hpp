// SPDX-License-Identifier: Apache-2.0
#pragma once
// Residual networks on whole clips, from a description of their layers: the mean over t, h, w of the last block is the
// feature.

#include <scale/backbone/backbone.hpp>
#include <scale/backbone/stages.hpp>
#include <scale/backbone/video_resnet/architecture.hpp>
#include <scale/backbone/video_resnet/folded_weights.hpp>
#include <scale/backbone/video_resnet/schedule.hpp>
#include <scale/io/weights_record.hpp>
#include <scale/ops/frozen_convolution.hpp>
#include <scale/ops/max_pool.hpp>
#include <scale/ops/mean_pool.hpp>
#include <scale/ops/transfer.hpp>

#include <algorithm>
#include <concepts>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace scale {

/// What tells one network from another: `name`, `defaults()`, `eps` of its norms, `blocks()` from the clip to the last
/// block, and `namings()`, the ways in which files name its weights.
template <class X>
concept video_resnet_network = requires {
  { X::name } -> std::convertible_to<std::string_view>;
  { X::defaults() } -> std::same_as<backbone_defaults>;
  { X::eps } -> std::convertible_to<double>;
  { X::blocks() } -> std::same_as<std::vector<video_resnet_block>>;
  { X::namings() } -> std::same_as<std::vector<weight_naming>>;
};

/// Clips of any t, h, w >= 1, one after another. Activations lie channels last; owns its weights, with the norms folded
/// in, and a workspace for one clip: two activations between blocks and two within them, of the largest sizes there
/// are.
template <video_resnet_network Network, floating T, backend B>
class video_resnet_backbone {
 public:
  static constexpr char const* name = Network::name;
  static constexpr backbone_input input = backbone_input::clip;

  static constexpr backbone_defaults defaults() { return Network::defaults(); }

  /// Takes the weights from `source`, under the naming that fits; names in `allow` may be missing, unused or all zero.
  /// The weights' hash is the source's own `sha256()` where it has one, else its file's. Throws input_error that lists
  /// what is missing, unused, of a wrong shape, all zero, or a variance not positive.
  template <weight_source Source>
  video_resnet_backbone(B const& b, Source const& source, std::span<std::string const> allow = {},
                        location at = location::current())
      : blocks_(Network::blocks()) {
    std::vector<weight_spec> const specs = video_resnet_weights(blocks_);
    std::vector<weight_naming> const namings = Network::namings();
    loaded_weights const weights = load_weights(source, specs, namings, allow, at);
    expect_positive_variances(source.path(), weights, blocks_, allow);
    for_each_layer(blocks_, [&](video_resnet_layer const& layer) {
      folded_weights const folded = fold_batch_norm(weights, layer, Network::eps);
      tensor<T, 5, B> weight(b, layer.weight_extents());
      tensor<T, 1, B> bias(b, shape{layer.out});
      upload(b, rounded(folded.weight), weight);
      upload(b, rounded(folded.bias), bias);
      auto const& k = layer.kernel;
      convolutions_.push_back(freeze_convolution(b, weight,
                                                 {.bias = bias,
                                                  .stride = {layer.stride[0], layer.stride[1], layer.stride[2]},
                                                  .pad_begin = {k[0] / 2, k[1] / 2, k[2] / 2},
                                                  .pad_end = {k[0] / 2, k[1] / 2, k[2] / 2},
                                                  .act = layer.relu ? activation::relu : activation::none}));
    });
    record_ = record_of(source, weights);
  }

  index_t feature_width() const { return blocks_.back().layers.back().out; }
  std::string weights_sha256() const { return record_.sha256; }
  loading_report const& loading() const { return record_.loading; }

  /// `stages(name, activations)` is called after each block, for one clip after another, with a view [1, c, t, h, w] of
  /// any strides, valid during the call.
  template <class Stages = ignore_stages>
  void forward(B const& b, tensor_view<T const, 5, B> clips, tensor_view<T, 2, B> features, Stages&& stages = {},
               location at = location::current()) {
    expect_backbone_shapes(name, clips, features, feature_width(), at);
    shape<5> clip = clips.extents();
    clip[0] = 1;
    if (clip.size() < 3)
      throw_expected(name, "clips shape", "at least 1 frame of 1 x 1", to_string(clips.extents()), at);
    // Whoever looks at stages sees all frames of one
    constexpr bool is_watched = !std::same_as<std::remove_cvref_t<Stages>, ignore_stages>;
    reserve(b, clip, is_watched ? (std::numeric_limits<index_t>::max)() : cached_elements);
    for (index_t i = 0; i < clips.extent(0); ++i) run(b, clips.rows(i, 1), features.rows(i, 1), stages);
  }

 private:
  static std::vector<T> rounded(std::vector<double> const& values) {
    std::vector<T> result(values.size());
    std::transform(values.begin(), values.end(), result.begin(), [](double v) { return T(static_cast<stat_t<T>>(v)); });
    return result;
  }

  /// Activations up to this many elements stay in the caches between two layers.
  static constexpr index_t cached_elements = (index_t{4} << 20) / static_cast<index_t>(sizeof(T));

  /// Plans for clips of this shape, and makes room; nothing where the last ones were alike.
  void reserve(B const& b, shape<5> const& clip, index_t most_elements) {
    if (clip == planned_clip_ && most_elements == planned_elements_) return;
    schedule_ = make_video_resnet_schedule(blocks_, clip, most_elements);
    planned_clip_ = clip;
    planned_elements_ = most_elements;
    for (std::size_t i = 0; i < video_resnet_buffers; ++i) {
      index_t const needed = schedule_.elements_needed(static_cast<video_resnet_buffer>(i), clip[2]);
      if (workspace_[i].extent(0) < needed) workspace_[i] = tensor<T, 1, B>(b, shape{needed});
    }
  }

  /// Channels last; `joined` starts at the frame `first`.
  tensor_view<T, 5, B> activations(video_resnet_buffer which, shape<5> const& s, index_t first) {
    index_t const begin = which == schedule_.joined ? first * schedule_.frame_size : 0;
    return {workspace_[static_cast<std::size_t>(which)].data_handle() + begin, s,
            shape<5>{{s[1] * s[2] * s[3] * s[4], 1, s[1] * s[3] * s[4], s[1] * s[4], s[1]}}};
  }

  /// Runs the steps on the frames of `clip`, which begin at frame `first`; the output of the last, `y` where there is
  /// none.
  template <class Stages>
  tensor_view<T const, 5, B> run_steps(B const& b, std::vector<video_resnet_step> const& steps,
                                       tensor_view<T const, 5, B> clip, index_t first, tensor_view<T const, 5, B> y,
                                       Stages& stages) {
    for (video_resnet_step const& step : steps) {
      tensor_view<T const, 5, B> const x =
          step.from == video_resnet_buffer::clip ? clip : activations(step.from, step.in, first);
      tensor_view<T, 5, B> const to = activations(step.to, step.out, first);
      if (step.what == video_resnet_step::kind::max_pool)
        max_pool_forward(b, x, {.y = to, .kernel = {1, 3, 3}, .stride = {1, 2, 2}, .pad = {0, 1, 1}});
      else
        frozen_convolution_forward(b, x, convolutions_[step.layer],
                                   {.y = to, .residual = step.adds ? to : tensor_view<T, 5, B>{}});
      y = to;
      if (step.finished >= 0) stages(std::string_view(blocks_[static_cast<std::size_t>(step.finished)].name), y);
    }
    return y;
  }

  template <class Stages>
  void run(B const& b, tensor_view<T const, 5, B> clip, tensor_view<T, 2, B> feature, Stages& stages) {
    tensor_view<T const, 5, B> y = clip;
    shape<5> frames = clip.extents();
    frames[2] = schedule_.frames_at_once;
    if (!schedule_.by_frames.empty()) {
      for (index_t first = 0; first < clip.extent(2); first += frames[2])
        run_steps(b, schedule_.by_frames, {clip.data_handle() + first * clip.stride(2), frames, clip.strides()}, first,
                  {}, stages);
      shape<5> all = schedule_.by_frames.back().out;
      all[2] = clip.extent(2);
      y = activations(schedule_.joined, all, 0);
    }
    mean_pool_forward(b, run_steps(b, schedule_.by_clip, clip, 0, y, stages), {.y = feature});
  }

  std::vector<video_resnet_block> blocks_;
  std::vector<frozen_convolution_t<T, 5, B>> convolutions_;  // as for_each_layer counts
  weights_record record_;
  video_resnet_schedule schedule_;  // for clips of the last shape
  shape<5> planned_clip_{};
  index_t planned_elements_ = 0;
  tensor<T, 1, B> workspace_[video_resnet_buffers];
};

}  // namespace scale
