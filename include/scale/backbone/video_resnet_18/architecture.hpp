// SPDX-License-Identifier: Apache-2.0
#pragma once
// The layers of the video networks of 18 layers (Tran et al., CVPR 2018), and how torchvision names them.

#include <scale/backbone/video_resnet/architecture.hpp>
#include <scale/io/name_map.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace scale {

/// What stands for a convolution of 3 x 3 x 3.
enum class video_kernel {
  full,   // itself
  frame,  // 1 x 3 x 3, which strides in space only
  split,  // 1 x 3 x 3 and 3 x 1 x 1, a norm and a ReLU between, as many weights as `full`
};

/// Two residual blocks of `width` per stage; the first of all but the first stage strides.
struct video_resnet_18_architecture {
  struct stage {
    index_t width;
    video_kernel kernel;
  };
  video_kernel stem;  // full or split
  index_t stem_between = 45;
  std::vector<stage> stages;
};

namespace detail {

/// Appends the layers of torchvision's module `name`. `between` channels lie between the two of a split one.
inline void append_video_convolution(std::vector<video_resnet_layer>& layers, video_kernel kernel,
                                     std::string const& name, index_t in, index_t between, index_t out,
                                     index_t stride) {
  if (kernel == video_kernel::split) {
    layers.push_back({name + ".0.0", name + ".0.1", in, between, {1, 3, 3}, {1, stride, stride}, true});
    layers.push_back({name + ".0.3", name + ".1", between, out, {3, 1, 1}, {stride, 1, 1}, true});
  } else if (kernel == video_kernel::frame) {
    layers.push_back({name + ".0", name + ".1", in, out, {1, 3, 3}, {1, stride, stride}, true});
  } else {
    layers.push_back({name + ".0", name + ".1", in, out, {3, 3, 3}, {stride, stride, stride}, true});
  }
}

}  // namespace detail

/// Outputs are stem, layer1.0, layer1.1, layer2.0, ...
inline std::vector<video_resnet_block> video_resnet_18_blocks(video_resnet_18_architecture const& architecture) {
  using sum = video_resnet_sum;
  index_t in = architecture.stages.front().width;
  video_resnet_block stem{.name = "stem", .layers = {}};
  if (architecture.stem == video_kernel::split) {
    stem.layers.push_back({"stem.0", "stem.1", 3, architecture.stem_between, {1, 7, 7}, {1, 2, 2}, true});
    stem.layers.push_back({"stem.3", "stem.4", architecture.stem_between, in, {3, 1, 1}, {1, 1, 1}, true});
  } else {
    stem.layers.push_back({"stem.0", "stem.1", 3, in, {3, 7, 7}, {1, 2, 2}, true});
  }
  std::vector<video_resnet_block> blocks = {stem};
  for (std::size_t s = 0; s < architecture.stages.size(); ++s)
    for (index_t i = 0; i < 2; ++i) {
      auto const& [out, kernel] = architecture.stages[s];
      index_t const stride = s > 0 && i == 0 ? 2 : 1;
      index_t const between = in * out * 27 / (in * 9 + 3 * out);  // for both convolutions of the block
      std::string const name = "layer" + std::to_string(s + 1) + "." + std::to_string(i);
      video_resnet_block block{.name = name, .layers = {}};
      detail::append_video_convolution(block.layers, kernel, name + ".conv1", in, between, out, stride);
      detail::append_video_convolution(block.layers, kernel, name + ".conv2", out, between, out, 1);
      block.sum = stride != 1 || in != out ? sum::shortcut : sum::input;
      index_t const in_time = kernel == video_kernel::frame ? 1 : stride;
      block.shortcut = {
          name + ".downsample.0", name + ".downsample.1", in, out, {1, 1, 1}, {in_time, stride, stride}, false};
      blocks.push_back(std::move(block));
      in = out;
    }
  return blocks;
}

/// Names of torchvision; the classifier and the norms' counters are surplus.
inline std::vector<weight_naming> torchvision_namings() {
  auto const is_rest = [](std::string_view n) {
    if (n.starts_with("module.")) n.remove_prefix(7);
    return n.starts_with("fc.") || n.ends_with("num_batches_tracked");
  };
  return {{.name = "torchvision", .prefixes = {"", "module."}, .surplus = is_rest, .groups = {"state_dict"}}};
}

}  // namespace scale
