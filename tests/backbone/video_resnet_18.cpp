// SPDX-License-Identifier: Apache-2.0
// R3D-18, MC3-18 and R(2+1)D-18: names of their weights, defaults. What they share with SlowOnly: slow_r50.cpp.
#include <scale/backbone/video_resnet_18.hpp>
#include <scale/cpu.hpp>
#include <scale/ref.hpp>

#include "backbone/small_video_resnets.hpp"
#include <doctest/doctest.h>

namespace {

using testing::contains;
using testing::small_18_network;

static_assert(
    scale::clip_backbone<scale::r2plus1d_18_backbone<float, scale::cpu::context>, float, scale::cpu::context>);

template <class Network>
void check_published() {
  auto const specs = scale::video_resnet_weights(Network::blocks());
  testing::check_names(testing::published_tensors(Network::name), specs, Network::namings()[0]);
}

std::string refusal(golden::memory_weights const& weights) {
  return testing::thrown<scale::input_error>([&] {
    scale::video_resnet_backbone<small_18_network, float, scale::ref::context> const network(scale::ref::context(),
                                                                                             weights);
  });
}

}  // namespace

TEST_CASE("video_resnet_18: names and shapes of published files, all of them") {
  check_published<scale::r3d_18_network>();
  check_published<scale::mc3_18_network>();
  check_published<scale::r2plus1d_18_network>();
  CHECK(scale::video_resnet_weights(scale::r3d_18_network::blocks()).size() == 20 * 5);
  CHECK(scale::video_resnet_weights(scale::r2plus1d_18_network::blocks()).size() == 37 * 5);
}

TEST_CASE("video_resnet_18: channels between space and time, the same for both halves of a block") {
  std::vector<scale::index_t> between;
  scale::for_each_layer(scale::r2plus1d_18_network::blocks(), [&](scale::video_resnet_layer const& layer) {
    if (layer.kernel[0] == 3) between.push_back(layer.in);
  });
  CHECK(between == std::vector<scale::index_t>{45, 144, 144, 144, 144, 230, 230, 288, 288, 460, 460, 576, 576, 921, 921,
                                               1152, 1152});
}

TEST_CASE("video_resnet_18: strides in time where the network has them") {
  auto const strides = [](auto const& blocks) {
    std::vector<scale::index_t> of_shortcuts;
    for (auto const& block : blocks)
      if (block.sum == scale::video_resnet_sum::shortcut) of_shortcuts.push_back(block.shortcut.stride[0]);
    return of_shortcuts;
  };
  CHECK(strides(scale::r3d_18_network::blocks()) == std::vector<scale::index_t>{2, 2, 2});
  CHECK(strides(scale::mc3_18_network::blocks()) == std::vector<scale::index_t>{1, 1, 1});
  CHECK(strides(scale::r2plus1d_18_network::blocks()) == std::vector<scale::index_t>{2, 2, 2});
}

TEST_CASE("video_resnet_18: classifier, counters and a prefix module. are no reason to refuse, anything else is") {
  golden::memory_weights parallel;
  auto own = testing::small_weights<small_18_network>();
  for (auto const& tensor : own.tensors()) parallel.add("module." + tensor.name, tensor.shape, own.values(tensor.name));
  for (char const* name : {"module.fc.weight", "module.fc.bias", "module.stem.1.num_batches_tracked"})
    parallel.add(name, {1}, {1});
  CHECK(refusal(parallel) == "<no exception>");
  parallel.add("module.layer5.0.conv1.0.weight", {1}, {1});
  CHECK(contains(refusal(parallel), "1 unused: module.layer5.0.conv1.0.weight"));
}

TEST_CASE("video_resnet_18: defaults") {
  auto const defaults = scale::r3d_18_backbone<float, scale::cpu::context>::defaults();
  CHECK(defaults.frames == 16);
  CHECK(defaults.size == 112);
  CHECK(defaults.stride == 2);
  CHECK(defaults.mean[1] == .394666);
  CHECK(defaults.std[2] == .216989);
}
