// SPDX-License-Identifier: Apache-2.0
#pragma once
// SlowOnly ResNet-50: the slow pathway of SlowFast (Feichtenhofer et al., ICCV 2019) alone, on 16 frames; the network
// of rho-BYOL (Feichtenhofer et al., CVPR 2021) and of pytorchvideo's slow_r50.

#include <scale/backbone/slow_r50/architecture.hpp>
#include <scale/backbone/slow_r50/names.hpp>
#include <scale/backbone/video_resnet.hpp>

#include <vector>

namespace scale {

struct slow_r50_network {
  static constexpr char const* name = "slow_r50";
  static constexpr double eps = 1e-5;

  static constexpr backbone_defaults defaults() { return {.mean = {.45, .45, .45}, .std = {.225, .225, .225}}; }
  static std::vector<video_resnet_block> blocks() { return slow_blocks(); }
  static std::vector<weight_naming> namings() { return slow_namings(slow_blocks()); }
};

/// 2048 features. A clip of 16 x 224 x 224 takes 167 GFLOP and, in float, a workspace of 55 MB beside 127 MB of
/// weights.
template <floating T, backend B>
using slow_r50_backbone = video_resnet_backbone<slow_r50_network, T, B>;

}  // namespace scale
