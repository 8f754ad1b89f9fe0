// SPDX-License-Identifier: Apache-2.0
// The residual networks on clips, with filled weights: every stage and the feature of the golden files.
#include <scale/backbone/slow_r50.hpp>
#include <scale/backbone/video_resnet_18.hpp>
#include <scale/cpu.hpp>
#include <scale/io/safetensors.hpp>
#include <scale/ref.hpp>

#include "support/golden_backbone.hpp"
#include "support/shared_data.hpp"
#include <doctest/doctest.h>

#include <concepts>
#include <string>
#include <vector>

namespace {

using scale::index_t;

template <class Network, class T, class B>
void check_golden(B const& b, std::vector<std::string> const& sizes, char const* type) {
  scale::video_resnet_backbone<Network, T, B> network(
      b, golden::filled_weights(scale::video_resnet_weights(Network::blocks()), 1));
  for (std::string const& size : sizes) {
    CAPTURE(size);
    scale::safetensors_file const file(
        testing::golden("backbones/" + std::string(Network::name) + "_" + size + ".safetensors"));
    auto const config = nlohmann::json::parse(file.metadata().at("config"));
    auto const limit = nlohmann::json::parse(file.metadata().at("tolerance")).at(type);
    auto const bound = [&](char const* what) { return limit.at(what).template get<double>(); };
    CHECK(config.at("eps") == Network::eps);
    auto const check_stage = [&](std::string const& name, std::vector<double> const& values) {
      CAPTURE(name);
      golden::stage_error const error(values, file.template read<double>("stage." + name),
                                      file.template read<double>("stage." + name + ".head"));
      CHECK(error.sketch <= bound("stage"));
      CHECK(error.head <= bound("head"));
    };
    auto const pixels = golden::clip_of(config);
    check_stage("input", {pixels.begin(), pixels.end()});
    scale::tensor<T, 5, B> clip(b,
                                scale::shape<5>{{1, 3, config.at("frames"), config.at("height"), config.at("width")}});
    scale::upload(b, std::vector<T>(pixels.begin(), pixels.end()), clip);
    scale::tensor<T, 2, B> feature(b, scale::shape{index_t{1}, network.feature_width()});
    std::vector<std::string> seen = {"input"}, stages;
    network.forward(b, clip.view(), feature.view(), [&](std::string_view name, auto const& x) {
      seen.emplace_back(name);
      check_stage(seen.back(), golden::row_major(x));
    });
    for (auto const& stage : config.at("stages")) stages.push_back(stage.at("name"));
    CHECK(seen == stages);
    auto const check_feature = [&] {
      golden::feature_error const error(golden::row_major(feature.view()), file.template read<double>("feature"));
      CHECK(error.feature <= bound("feature"));
      CHECK(error.cosine <= bound("cosine"));
    };
    check_feature();
    if constexpr (std::same_as<T, double>) continue;  // ref knows no caches
    network.forward(b, clip.view(), feature.view());  // unwatched
    check_feature();
  }
}

}  // namespace

TEST_CASE("slow_r50: golden files on cpu in float") {
  check_golden<scale::slow_r50_network, float>(scale::cpu::context(2), {"8x64x64", "16x96x128", "16x224x224"}, "fp32");
}

TEST_CASE("r3d_18: golden files on cpu in float") {
  check_golden<scale::r3d_18_network, float>(scale::cpu::context(2), {"9x57x75", "16x112x112"}, "fp32");
}

TEST_CASE("mc3_18: golden files on cpu in float") {
  check_golden<scale::mc3_18_network, float>(scale::cpu::context(2), {"9x57x75", "16x112x112"}, "fp32");
}

TEST_CASE("r2plus1d_18: golden files on cpu in float") {
  check_golden<scale::r2plus1d_18_network, float>(scale::cpu::context(2), {"9x57x75", "16x112x112"}, "fp32");
}

TEST_CASE("residual networks: golden files on cpu in bf16") {
  scale::cpu::context const cpu(2);
  check_golden<scale::slow_r50_network, scale::bf16>(cpu, {"16x96x128"}, "bf16");
  check_golden<scale::r3d_18_network, scale::bf16>(cpu, {"9x57x75"}, "bf16");
  check_golden<scale::mc3_18_network, scale::bf16>(cpu, {"9x57x75"}, "bf16");
  check_golden<scale::r2plus1d_18_network, scale::bf16>(cpu, {"9x57x75"}, "bf16");
}

TEST_CASE("slow_r50: golden file on ref in double") {
  check_golden<scale::slow_r50_network, double>(scale::ref::context(), {"8x64x64"}, "fp64");
}

TEST_CASE("r3d_18: golden file on ref in double") {
  check_golden<scale::r3d_18_network, double>(scale::ref::context(), {"9x57x75"}, "fp64");
}

TEST_CASE("mc3_18: golden file on ref in double") {
  check_golden<scale::mc3_18_network, double>(scale::ref::context(), {"9x57x75"}, "fp64");
}

TEST_CASE("r2plus1d_18: golden file on ref in double") {
  check_golden<scale::r2plus1d_18_network, double>(scale::ref::context(), {"9x57x75"}, "fp64");
}
