// SPDX-License-Identifier: Apache-2.0
#pragma once
// How a residual network on clips is described: its convolutions, each with a batch norm, in blocks.

#include <scale/core/shape.hpp>
#include <scale/io/name_map.hpp>

#include <string>
#include <vector>

namespace scale {

/// A convolution without bias over (t, h, w), padded by kernel / 2 (rounded down) on either side, and the batch norm
/// after it. Names without ".weight", as the network's own files have them.
struct video_resnet_layer {
  std::string convolution, norm;
  index_t in, out;
  index_t kernel[3], stride[3];
  bool relu;  // after the norm; of a block's last layer, after the sum

  shape<5> weight_extents() const { return {out, in, kernel[0], kernel[1], kernel[2]}; }

  /// Of the output [1, out, t, h, w] for an input of one clip.
  shape<5> output(shape<5> const& x) const {
    shape<5> y = x;
    y[1] = out;
    for (int i = 0; i < 3; ++i) y[i + 2] = (x[i + 2] + kernel[i] / 2 * 2 - kernel[i]) / stride[i] + 1;
    return y;
  }
};

/// What a block adds to the output of its last layer.
enum class video_resnet_sum {
  none,      // nothing: a stem
  input,     // its input
  shortcut,  // the layer `shortcut` of its input
};

/// Layers one after another. `name` is that of its output.
struct video_resnet_block {
  std::string name;
  std::vector<video_resnet_layer> layers;
  video_resnet_sum sum = video_resnet_sum::none;
  video_resnet_layer shortcut{};
  bool max_pool = false;  // 1 x 3 x 3, stride 1, 2, 2, padded by 0, 1, 1, after all else
};

/// Calls f(layer) for every layer in the order in which they are computed: a block's shortcut before its others.
template <class F>
void for_each_layer(std::vector<video_resnet_block> const& blocks, F const& f) {
  for (video_resnet_block const& block : blocks) {
    if (block.sum == video_resnet_sum::shortcut) f(block.shortcut);
    for (video_resnet_layer const& layer : block.layers) f(layer);
  }
}

/// What load_weights has to find. Refused where all zero: a convolution, and a norm's weight or variance. The weight of
/// a block's last norm starts at zero in some training recipes, and such a block does nothing: a file that still has
/// that was never trained, and its features say nothing.
inline std::vector<weight_spec> video_resnet_weights(std::vector<video_resnet_block> const& blocks) {
  std::vector<weight_spec> specs;
  for_each_layer(blocks, [&](video_resnet_layer const& layer) {
    shape<5> const w = layer.weight_extents();
    specs.push_back({layer.convolution + ".weight", {w[0], w[1], w[2], w[3], w[4]}, zero_weight::refused});
    specs.push_back({layer.norm + ".weight", {layer.out}, zero_weight::refused});
    specs.push_back({layer.norm + ".bias", {layer.out}, zero_weight::allowed});
    specs.push_back({layer.norm + ".running_mean", {layer.out}, zero_weight::allowed});
    specs.push_back({layer.norm + ".running_var", {layer.out}, zero_weight::refused});
  });
  return specs;
}

}  // namespace scale
