// SPDX-License-Identifier: Apache-2.0
#pragma once
// Residual networks on clips of a few channels, their weights filled, and what refuses weights says.

#include <scale/backbone/slow_r50.hpp>
#include <scale/backbone/video_resnet_18.hpp>
#include <scale/ops/transfer.hpp>

#include "support/golden_backbone.hpp"
#include "support/shared_data.hpp"
#include "support/thrown.hpp"
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace testing {

using scale::index_t;

/// Every kind of block of SlowOnly: with and without shortcut, with and without stride, temporal kernels 1 and 3.
struct small_slow_network : scale::slow_r50_network {
  static constexpr char const* name = "small_slow";

  static scale::slow_architecture architecture() { return {.stem = 5, .stages = {{2, 3, 1, 1}, {2, 4, 3, 2}}}; }
  static std::vector<scale::video_resnet_block> blocks() { return scale::slow_blocks(architecture()); }
  static std::vector<scale::weight_naming> namings() { return scale::slow_namings(blocks()); }
};

/// Every kind of block of the networks of 18 layers.
struct small_18_network : scale::video_resnet_18_network {
  static constexpr char const* name = "small_18";

  static std::vector<scale::video_resnet_block> blocks() {
    using enum scale::video_kernel;
    return scale::video_resnet_18_blocks(
        {.stem = split, .stem_between = 4, .stages = {{5, full}, {6, frame}, {7, split}, {8, full}}});
  }
};

template <class Network>
golden::memory_weights small_weights() {
  return golden::filled_weights(scale::video_resnet_weights(Network::blocks()), 3);
}

template <class T, class B>
scale::tensor<T, 5, B> small_clips(B const& b, scale::shape<5> const& s) {
  scale::tensor<T, 5, B> clips(b, s);
  std::vector<index_t> const extents = {s[0], s[1], s[2], s[3], s[4]};
  auto const values = golden::fill("clip", extents, 0, 1.5, 1);
  scale::upload(b, std::vector<T>(values.begin(), values.end()), clips);
  return clips;
}

template <class T, class Network, class B>
std::vector<double> small_features(B const& b, Network& network, scale::shape<5> const& s) {
  auto const clips = small_clips<T>(b, s);
  scale::tensor<T, 2, B> y(b, scale::shape{s[0], network.feature_width()});
  network.forward(b, clips.view(), y.view());
  return golden::row_major(y.view());
}

/// Names and shapes of a network's tensors as a published file has them; empty without the shared data.
inline std::vector<std::pair<std::string, std::vector<index_t>>> published_tensors(char const* network) {
  std::vector<std::pair<std::string, std::vector<index_t>>> tensors;
  auto const path = shared_data("state_dicts.json");
  if (!path) return tensors;
  std::ifstream stream(*path);
  nlohmann::json const networks = nlohmann::json::parse(stream);
  for (auto const& tensor : networks.at(network))
    tensors.emplace_back(tensor.at("name"), tensor.at("shape").get<std::vector<index_t>>());
  CHECK(!tensors.empty());
  return tensors;
}

/// Fails the test unless the naming places exactly the specs, and what is left over is surplus.
inline void check_names(std::vector<std::pair<std::string, std::vector<index_t>>> const& published,
                        std::vector<scale::weight_spec> const& specs, scale::weight_naming const& naming,
                        std::string const& prefix = "") {
  if (published.empty()) return;
  std::map<std::string, std::vector<index_t>> wanted, found;
  for (auto const& spec : specs) wanted.emplace(spec.name, spec.shape);
  for (auto const& [name, shape] : published) {
    auto const place = naming.place ? naming.place(name) : scale::weight_place{name};
    if (place && wanted.contains(place->name))
      found.emplace(place->name, shape);
    else
      CHECK_MESSAGE(naming.surplus(prefix + name), name);
  }
  CHECK(found == wanted);
  CHECK(wanted.size() == specs.size());
}

}  // namespace testing
