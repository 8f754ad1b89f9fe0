// SPDX-License-Identifier: Apache-2.0
// Residual networks of 3-D convolutions.
#include <scale/backbone/slow_r50.hpp>
#include <scale/backbone/video_resnet_18.hpp>

#include "scale/backbones/entry.hpp"

namespace scale::program {

namespace {

template <class Network>
struct residual {
  template <class T, class B>
  using type = video_resnet_backbone<Network, T, B>;

  static std::vector<weight_spec> specs() { return video_resnet_weights(Network::blocks()); }
};

template <class... Networks>
std::vector<backbone_entry> residual_entries() {
  return {entry_of<weights_maker<residual<Networks>>>()...};
}

}  // namespace

std::vector<backbone_entry> convolutional_backbones() {
  return residual_entries<slow_r50_network, r3d_18_network, mc3_18_network, r2plus1d_18_network>();
}

}  // namespace scale::program
