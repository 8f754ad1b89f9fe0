// SPDX-License-Identifier: Apache-2.0
#pragma once
// The layers of MobileNetV2 (Sandler et al., CVPR 2018, table 2) and the names and shapes of their weights.

#include <scale/core/shape.hpp>
#include <scale/io/name_map.hpp>

#include <string>
#include <vector>

namespace scale {

/// A row of the paper's table 2: `blocks` inverted residuals to `channels`, the first with `stride`.
struct mobilenet_v2_stage {
  index_t expansion, channels, blocks, stride;
};

/// Width 1.0; batch norm is folded into weight and bias of each convolution.
struct mobilenet_v2_architecture {
  index_t stem = 32, last = 1280;
  std::vector<mobilenet_v2_stage> stages = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                                            {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
};

enum class mobilenet_v2_kind { full, depthwise, pointwise };

/// One convolution. `weight_name` without ".weight".
struct mobilenet_v2_layer {
  std::string weight_name;
  mobilenet_v2_kind kind;
  index_t in, out, stride;
  bool clipped;  // ReLU6 after it

  index_t kernel() const { return kind == mobilenet_v2_kind::pointwise ? 1 : 3; }
  index_t groups() const { return kind == mobilenet_v2_kind::depthwise ? in : 1; }
  std::vector<index_t> weight_shape() const { return {out, in / groups(), kernel(), kernel()}; }
};

/// One stage output, features.0 to features.N: its convolutions one after another; `residual` adds its input.
struct mobilenet_v2_block {
  std::string name;
  std::vector<mobilenet_v2_layer> layers;
  bool residual = false;
};

/// Padding the TensorFlow way: the output has ceil(in / stride) places, the odd place of padding goes to the end.
struct same_padding {
  index_t out, begin, end;

  constexpr same_padding(index_t in, index_t kernel, index_t stride)
      : out((in + stride - 1) / stride), begin(0), end(0) {
    index_t const reach = (out - 1) * stride + kernel;
    index_t const total = reach > in ? reach - in : 0;
    begin = total / 2;
    end = total - begin;
  }
};

/// All blocks, named as torchvision names them.
inline std::vector<mobilenet_v2_block> mobilenet_v2_blocks(mobilenet_v2_architecture const& architecture) {
  using kind = mobilenet_v2_kind;
  std::vector<mobilenet_v2_block> blocks;
  blocks.push_back({"features.0", {{"features.0.0", kind::full, 3, architecture.stem, 2, true}}, false});
  index_t in = architecture.stem;
  for (mobilenet_v2_stage const& stage : architecture.stages)
    for (index_t i = 0; i < stage.blocks; ++i) {
      mobilenet_v2_block block{"features." + std::to_string(blocks.size()), {}, false};
      index_t const stride = i == 0 ? stage.stride : 1, wide = in * stage.expansion;
      int place = 0;
      auto const next = [&] { return block.name + ".conv." + std::to_string(place++); };
      if (stage.expansion != 1) block.layers.push_back({next() + ".0", kind::pointwise, in, wide, 1, true});
      block.layers.push_back({next() + ".0", kind::depthwise, wide, wide, stride, true});
      block.layers.push_back({next(), kind::pointwise, wide, stage.channels, 1, false});
      block.residual = stride == 1 && in == stage.channels;
      in = stage.channels;
      blocks.push_back(std::move(block));
    }
  std::string const name = "features." + std::to_string(blocks.size());
  blocks.push_back({name, {{name + ".0", kind::pointwise, in, architecture.last, 1, true}}, false});
  return blocks;
}

/// What load_weights has to find, classifier left out. A layer of nothing but zeros is refused.
inline std::vector<weight_spec> mobilenet_v2_weights(std::vector<mobilenet_v2_block> const& blocks) {
  std::vector<weight_spec> specs;
  for (mobilenet_v2_block const& block : blocks)
    for (mobilenet_v2_layer const& layer : block.layers) {
      specs.push_back({layer.weight_name + ".weight", layer.weight_shape(), zero_weight::refused});
      specs.push_back({layer.weight_name + ".bias", {layer.out}, zero_weight::allowed});
    }
  return specs;
}

}  // namespace scale
