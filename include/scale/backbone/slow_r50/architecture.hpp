// SPDX-License-Identifier: Apache-2.0
#pragma once
// The layers of SlowOnly ResNet-50 (Feichtenhofer et al., ICCV 2019, the slow pathway of table 1), named as
// pytorchvideo names them.

#include <scale/backbone/video_resnet/architecture.hpp>

#include <string>
#include <vector>

namespace scale {

/// `blocks` bottlenecks of width `inner`, four times that on the outside; the first has the stride in space. `frames`
/// is the extent in time of each one's first kernel.
struct slow_stage {
  index_t blocks, inner, frames, stride;
};

struct slow_architecture {
  index_t stem = 64;
  std::vector<slow_stage> stages = {{3, 64, 1, 1}, {4, 128, 1, 2}, {6, 256, 3, 2}, {3, 512, 3, 2}};
};

/// Outputs are stem (after its max-pool), res2.0, res2.1, ... No layer strides in time.
inline std::vector<video_resnet_block> slow_blocks(slow_architecture const& architecture = {}) {
  using sum = video_resnet_sum;
  std::vector<video_resnet_block> blocks;
  blocks.push_back({.name = "stem",
                    .layers = {{"blocks.0.conv", "blocks.0.norm", 3, architecture.stem, {1, 7, 7}, {1, 2, 2}, true}},
                    .max_pool = true});
  index_t in = architecture.stem;
  for (std::size_t s = 0; s < architecture.stages.size(); ++s) {
    slow_stage const& stage = architecture.stages[s];
    for (index_t i = 0; i < stage.blocks; ++i) {
      index_t const stride = i == 0 ? stage.stride : 1, inner = stage.inner, out = 4 * inner;
      std::string const block = "blocks." + std::to_string(s + 1) + ".res_blocks." + std::to_string(i) + ".";
      std::string const conv = block + "branch2.conv_", norm = block + "branch2.norm_";
      blocks.push_back(
          {.name = "res" + std::to_string(s + 2) + "." + std::to_string(i),
           .layers = {{conv + "a", norm + "a", in, inner, {stage.frames, 1, 1}, {1, 1, 1}, true},
                      {conv + "b", norm + "b", inner, inner, {1, 3, 3}, {1, stride, stride}, true},
                      {conv + "c", norm + "c", inner, out, {1, 1, 1}, {1, 1, 1}, true}},
           .sum = i == 0 ? sum::shortcut : sum::input,
           .shortcut = {
               block + "branch1_conv", block + "branch1_norm", in, out, {1, 1, 1}, {1, stride, stride}, false}});
      in = out;
    }
  }
  return blocks;
}

}  // namespace scale
