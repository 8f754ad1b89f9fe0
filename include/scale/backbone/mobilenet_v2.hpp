// SPDX-License-Identifier: Apache-2.0
#pragma once
// MobileNetV2 on the frames of a clip (Sandler et al., CVPR 2018): mean over space of the last convolution, pooled over
// the frames.

#include <scale/backbone/backbone.hpp>
#include <scale/backbone/frame_pool.hpp>
#include <scale/backbone/mobilenet_v2/architecture.hpp>
#include <scale/backbone/stages.hpp>
#include <scale/io/weights_record.hpp>
#include <scale/ops/convolution.hpp>
#include <scale/ops/frame_pool.hpp>
#include <scale/ops/linear.hpp>
#include <scale/ops/mean_pool.hpp>
#include <scale/ops/transfer.hpp>

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace scale {

struct mobilenet_v2_options {
  frame_pooling pooling = frame_pooling::mean;
  index_t frames_at_once = 16;  // more need more workspace: 9 MB a frame of 224 x 224 in float
  mobilenet_v2_architecture architecture{};
};

/// Any t >= 1, h and w >= 32. Frames are padded the TensorFlow way. Activations lie channels last. Owns its weights.
template <floating T, backend B>
class mobilenet_v2_backbone {
 public:
  static constexpr char const* name = "mobilenet_v2";
  static constexpr backbone_input input = backbone_input::frames;

  static constexpr backbone_defaults defaults() { return {.mean = {.5, .5, .5}, .std = {.5, .5, .5}}; }

  /// Takes the weights from `source`, named as in torchvision; names in `allow` may be missing or unused. Throws
  /// input_error that lists what is missing, unused or of a wrong shape.
  template <weight_source Source>
  mobilenet_v2_backbone(B const& b, Source const& source, mobilenet_v2_options options = {},
                        std::span<std::string const> allow = {}, location at = location::current())
      : options_(std::move(options)), blocks_(mobilenet_v2_blocks(options_.architecture)) {
    if (options_.frames_at_once < 1)
      throw_expected(name, "frames_at_once", "at least 1", std::to_string(options_.frames_at_once), at);
    std::vector<weight_spec> specs = mobilenet_v2_weights(blocks_);
    for (stored_tensor const& tensor : source.tensors())  // as many classes as the file says, as matrix or 1x1 filter
      if (tensor.name == classifier_weight && !tensor.shape.empty()) {
        classes_ = tensor.shape.front();
        std::vector<index_t> extents = {classes_, options_.architecture.last};
        if (tensor.shape.size() == 4) extents.insert(extents.end(), {1, 1});
        specs.push_back({classifier_weight, extents, zero_weight::refused});
        specs.push_back({classifier_bias, {classes_}, zero_weight::allowed});
      }
    weight_naming const torchvision{.name = "torchvision"};
    loaded_weights const weights = load_weights(source, specs, std::span(&torchvision, 1), allow, at);
    index_t total = 0;
    for (weight_spec const& spec : specs) {
      offsets_[spec.name] = total;
      index_t size = 1;
      for (index_t const extent : spec.shape) size *= extent;
      total += (size + 15) / 16 * 16;  // every tensor on its own cache line
    }
    std::vector<T> host(static_cast<std::size_t>(total), T(0.0f));
    for (weight_spec const& spec : specs) {
      if (!weights.contains(spec.name)) continue;  // allowed to be missing: zero
      std::vector<stat_t<T>> const values = weights.template read<stat_t<T>>(spec.name);
      std::transform(values.begin(), values.end(), host.begin() + offsets_[spec.name], [](auto v) { return T(v); });
    }
    parameters_ = tensor<T, 1, B>(b, shape{total});
    upload(b, host, parameters_);
    record_ = record_of(source, weights);
  }

  index_t frame_width() const { return options_.architecture.last; }
  index_t feature_width() const { return pooled_width(options_.pooling, frame_width()); }
  frame_pooling pooling() const { return options_.pooling; }
  std::string weights_sha256() const { return record_.sha256; }
  loading_report const& loading() const { return record_.loading; }

  /// Classes of the file's classifier; 0 where it has none.
  index_t classes() const { return classes_; }

  /// `stages(name, activations)` is called after features.0, features.1, ... of each batch of frames in order, with a
  /// view [frames, c, h, w] of any strides, valid during the call.
  template <class Stages = ignore_stages>
  void forward(B const& b, tensor_view<T const, 5, B> clips, tensor_view<T, 2, B> features, Stages&& stages = {},
               location at = location::current()) {
    expect_backbone_shapes(name, clips, features, feature_width(), at);
    index_t const t = clips.extent(2), h = clips.extent(3), w = clips.extent(4);
    if (t < 1 || h < 32 || w < 32)
      throw_expected(name, "clips shape", "at least 1 frame of 32 x 32", to_string(clips.extents()), at);
    reserve(b, t, h, w);
    for (index_t clip = 0; clip < clips.extent(0); ++clip) {
      for (index_t first = 0; first < t; first += options_.frames_at_once) {
        index_t const count = (std::min)(options_.frames_at_once, t - first);
        tensor_view<T const, 4, B> const frames(clips.data_handle() + clip * clips.stride(0) + first * h * w,
                                                shape<4>{{count, 3, h, w}}, shape<4>{{h * w, t * h * w, w, 1}});
        run(b, frames, frame_features_.view().rows(first, count), stages);
      }
      frame_pool(b, frame_features_.view().rows(0, t),
                 {.frames = t, .how = options_.pooling, .y = features.rows(clip, 1)});
    }
  }

  /// Logits [n, classes()] of frame features rows [n, frame_width()]. Throws argument_error without a classifier.
  void classify(B const& b, tensor_view<T const, 2, B> frame_features, tensor_view<T, 2, B> logits,
                location at = location::current()) const {
    expect(classes_ > 0, name, "classify: the weights file has no classifier", at);
    linear_forward(b, frame_features,
                   {.weight = parameter(classifier_weight, shape{classes_, frame_width()}),
                    .bias = parameter(classifier_bias, shape{classes_}),
                    .y = logits},
                   at);
  }

 private:
  static constexpr char const* classifier_weight = "classifier.1.weight";
  static constexpr char const* classifier_bias = "classifier.1.bias";

  /// Buffers of activations: a block's input, its output, and what lies between.
  enum buffer { ping, pong, wide, narrow, buffers };

  template <int Rank>
  tensor_view<T const, Rank, B> parameter(std::string const& parameter_name, shape<Rank> const& s) const {
    return {parameters_.data_handle() + offsets_.at(parameter_name), s};
  }

  /// [frames, c, h, w], channels last.
  static tensor_view<T, 4, B> channels_last(T* data, index_t frames, index_t c, index_t h, index_t w) {
    return {data, shape<4>{{frames, c, h, w}}, shape<4>{{h * w * c, 1, w * c, c}}};
  }

  /// Calls visit(block, layer, where its output goes, output height, output width) for all layers in order.
  template <class Visit>
  void walk(index_t h, index_t w, Visit const& visit) const {
    int current = pong;  // the buffer of the block's input
    for (mobilenet_v2_block const& block : blocks_) {
      int const target = current == ping ? pong : ping;
      for (std::size_t i = 0; i < block.layers.size(); ++i) {
        mobilenet_v2_layer const& layer = block.layers[i];
        h = same_padding(h, layer.kernel(), layer.stride).out;
        w = same_padding(w, layer.kernel(), layer.stride).out;
        bool const last = i + 1 == block.layers.size();
        visit(block, i, last ? target : layer.kind == mobilenet_v2_kind::pointwise ? wide : narrow, h, w);
      }
      current = target;
    }
  }

  /// Room for batches of frames of h x w; nothing where there is enough.
  void reserve(B const& b, index_t t, index_t h, index_t w) {
    index_t const batch = (std::min)(t, options_.frames_at_once);
    index_t needed[buffers] = {};
    walk(h, w, [&](mobilenet_v2_block const& block, std::size_t i, int where, index_t out_h, index_t out_w) {
      needed[where] = (std::max)(needed[where], batch * block.layers[i].out * out_h * out_w);
    });
    for (std::size_t i = 0; i < buffers; ++i)
      if (workspace_[i].extent(0) < needed[i]) workspace_[i] = tensor<T, 1, B>(b, shape{needed[i]});
    if (frame_features_.extent(0) < t) frame_features_ = tensor<T, 2, B>(b, shape{t, frame_width()});
  }

  /// Features of one batch of frames.
  template <class Stages>
  void run(B const& b, tensor_view<T const, 4, B> frames, tensor_view<T, 2, B> features, Stages& stages) {
    index_t const n = frames.extent(0);
    tensor_view<T const, 4, B> x = frames, block_input;
    walk(frames.extent(2), frames.extent(3),
         [&](mobilenet_v2_block const& block, std::size_t i, int where, index_t h, index_t w) {
           mobilenet_v2_layer const& layer = block.layers[i];
           bool const last = i + 1 == block.layers.size();
           if (i == 0) block_input = x;
           same_padding const down(x.extent(2), layer.kernel(), layer.stride);
           same_padding const across(x.extent(3), layer.kernel(), layer.stride);
           T* const data = workspace_[static_cast<std::size_t>(where)].data_handle();
           tensor_view<T, 4, B> const y = channels_last(data, n, layer.out, h, w);
           shape<4> const extents{{layer.out, layer.in / layer.groups(), layer.kernel(), layer.kernel()}};
           convolution_forward(b, x,
                               {.weight = parameter(layer.weight_name + ".weight", extents),
                                .bias = parameter(layer.weight_name + ".bias", shape{layer.out}),
                                .y = y,
                                .stride = {layer.stride, layer.stride},
                                .pad_begin = {down.begin, across.begin},
                                .pad_end = {down.end, across.end},
                                .groups = layer.groups(),
                                .act = layer.clipped ? activation::relu6 : activation::none,
                                .residual = last && block.residual ? block_input : tensor_view<T const, 4, B>{}});
           x = y;
           if (last) stages(std::string_view(block.name), x);
         });
    mean_pool_forward(b, x, {.y = features});
  }

  mobilenet_v2_options options_;
  std::vector<mobilenet_v2_block> blocks_;
  index_t classes_ = 0;
  std::map<std::string, index_t, std::less<>> offsets_;  // of each tensor in `parameters_`
  tensor<T, 1, B> parameters_;
  weights_record record_;
  tensor<T, 1, B> workspace_[buffers];
  tensor<T, 2, B> frame_features_;  // [t, frame_width]
};

}  // namespace scale
