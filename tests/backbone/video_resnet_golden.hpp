// SPDX-License-Identifier: Apache-2.0
#pragma once
// Golden files of the residual networks on clips: the comparison of every stage and of the feature.

#include <scale/backbone/video_resnet.hpp>
#include <scale/io/safetensors.hpp>
#include <scale/ops/transfer.hpp>

#include "support/golden_backbone.hpp"
#include "support/shared_data.hpp"
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

namespace testing {

using scale::index_t;

/// Runs the clips of golden files through `Network` with filled weights. A network of fewer blocks than the golden one
/// is compared stage by stage up to its last.
template <class Network, class T, class B>
void check_video_resnet_golden(B const& b, std::vector<std::string> const& sizes, char const* type) {
  scale::video_resnet_backbone<Network, T, B> network(
      b, ::golden::filled_weights(scale::video_resnet_weights(Network::blocks()), 1));
  for (std::string const& size : sizes) {
    CAPTURE(size);
    scale::safetensors_file const file(golden("backbones/" + std::string(Network::name) + "_" + size + ".safetensors"));
    auto const config = nlohmann::json::parse(file.metadata().at("config"));
    auto const limit = nlohmann::json::parse(file.metadata().at("tolerance")).at(type);
    auto const bound = [&](char const* what) { return limit.at(what).template get<double>(); };
    CHECK(config.at("eps") == Network::eps);
    auto const check_stage = [&](std::string const& name, std::vector<double> const& values) {
      CAPTURE(name);
      ::golden::stage_error const error(values, file.template read<double>("stage." + name),
                                        file.template read<double>("stage." + name + ".head"));
      CHECK(error.sketch <= bound("stage"));
      CHECK(error.head <= bound("head"));
    };
    auto const pixels = ::golden::clip_of(config);
    check_stage("input", {pixels.begin(), pixels.end()});
    scale::tensor<T, 5, B> clip(b,
                                scale::shape<5>{{1, 3, config.at("frames"), config.at("height"), config.at("width")}});
    scale::upload(b, std::vector<T>(pixels.begin(), pixels.end()), clip);
    scale::tensor<T, 2, B> feature(b, scale::shape{index_t{1}, network.feature_width()});
    std::vector<std::string> seen = {"input"}, stages;
    network.forward(b, clip.view(), feature.view(), [&](std::string_view name, auto const& x) {
      seen.emplace_back(name);
      check_stage(seen.back(), ::golden::row_major(b, x));
    });
    for (auto const& stage : config.at("stages")) stages.push_back(stage.at("name"));
    bool const whole = Network::blocks().size() + 1 == stages.size();
    if (!whole) stages.resize(Network::blocks().size() + 1);
    CHECK(seen == stages);
    if (!whole) continue;
    auto const check_feature = [&] {
      ::golden::feature_error const error(::golden::row_major(b, feature.view()),
                                          file.template read<double>("feature"));
      CHECK(error.feature <= bound("feature"));
      CHECK(error.cosine <= bound("cosine"));
    };
    check_feature();
    if constexpr (std::same_as<T, double>) continue;  // ref knows no caches
    network.forward(b, clip.view(), feature.view());  // unwatched
    check_feature();
  }
}

}  // namespace testing
