// SPDX-License-Identifier: Apache-2.0
#pragma once
// R3D-18, MC3-18 and R(2+1)D-18 (Tran et al., A Closer Look at Spatiotemporal Convolutions, CVPR 2018) with
// torchvision's weights.

#include <scale/backbone/video_resnet.hpp>
#include <scale/backbone/video_resnet_18/architecture.hpp>

#include <vector>

namespace scale {

/// What the three share.
struct video_resnet_18_network {
  static constexpr double eps = 1e-5;

  static constexpr backbone_defaults defaults() {
    return {.size = 112, .stride = 2, .mean = {.43216, .394666, .37645}, .std = {.22803, .22145, .216989}};
  }
  static std::vector<weight_naming> namings() { return torchvision_namings(); }
};

/// 3 x 3 x 3 everywhere.
struct r3d_18_network : video_resnet_18_network {
  static constexpr char const* name = "r3d_18";

  static std::vector<video_resnet_block> blocks() {
    using enum video_kernel;
    return video_resnet_18_blocks({.stem = full, .stages = {{64, full}, {128, full}, {256, full}, {512, full}}});
  }
};

/// 3 x 3 x 3 in the stem and the first stage, 1 x 3 x 3 behind: time keeps its extent.
struct mc3_18_network : video_resnet_18_network {
  static constexpr char const* name = "mc3_18";

  static std::vector<video_resnet_block> blocks() {
    using enum video_kernel;
    return video_resnet_18_blocks({.stem = full, .stages = {{64, full}, {128, frame}, {256, frame}, {512, frame}}});
  }
};

/// Every 3 x 3 x 3 split into space and time.
struct r2plus1d_18_network : video_resnet_18_network {
  static constexpr char const* name = "r2plus1d_18";

  static std::vector<video_resnet_block> blocks() {
    using enum video_kernel;
    return video_resnet_18_blocks({.stem = split, .stages = {{64, split}, {128, split}, {256, split}, {512, split}}});
  }
};

/// 512 features each. A clip of 16 x 112 x 112 takes 81, 87 and 81 GFLOP.
template <floating T, backend B>
using r3d_18_backbone = video_resnet_backbone<r3d_18_network, T, B>;
template <floating T, backend B>
using mc3_18_backbone = video_resnet_backbone<mc3_18_network, T, B>;
template <floating T, backend B>
using r2plus1d_18_backbone = video_resnet_backbone<r2plus1d_18_network, T, B>;

}  // namespace scale
