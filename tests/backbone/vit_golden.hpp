// SPDX-License-Identifier: Apache-2.0
#pragma once
// Golden files of transformers: their weights in memory, and the comparison of every stage and of the feature.

#include <scale/backbone/vit/names.hpp>
#include <scale/io/safetensors.hpp>
#include <scale/ops/transfer.hpp>

#include "support/golden_backbone.hpp"
#include "support/shared_data.hpp"
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace testing {

using golden::memory_weights;
using scale::index_t;

/// All tensors of `specs`, named and filled by `prefix` and their own names.
inline memory_weights own_weights(std::vector<scale::weight_spec> const& specs, std::string const& prefix = "") {
  return ::golden::filled_weights(specs, 1, prefix);
}

/// All tensors of `specs` under the names of `table`, filled by those.
inline memory_weights table_weights(std::vector<scale::weight_spec> const& specs, scale::vit_name_table const& table) {
  memory_weights weights;
  for (auto const& [name, shape] : scale::vit_file_tensors(specs, table)) weights.add_filled(name, shape, name, 1);
  return weights;
}

/// Runs the clip of a golden file through `network` and compares all stages, and the feature. A network of fewer blocks
/// than the golden one says how many: its stages up to the last block are compared, and no feature.
template <class T, class B, class Network>
void check_vit_golden(B const& b, Network& network, std::string const& name, char const* type, index_t blocks = -1) {
  CAPTURE(name);
  scale::safetensors_file const file(golden("backbones/" + name + ".safetensors"));
  auto const config = nlohmann::json::parse(file.metadata().at("config"));
  auto const limit = nlohmann::json::parse(file.metadata().at("tolerance")).at(type);
  auto const bound = [&](char const* key) { return limit.at(key).template get<double>(); };
  auto const check_stage = [&](std::string const& stage, std::vector<double> const& values) {
    CAPTURE(stage);
    ::golden::stage_error const error(values, file.template read<double>("stage." + stage),
                                      file.template read<double>("stage." + stage + ".head"));
    CHECK(error.sketch <= bound("stage"));
    CHECK(error.head <= bound("head"));
  };
  std::vector<float> const pixels = ::golden::clip_of(config);
  check_stage("input", {pixels.begin(), pixels.end()});
  scale::tensor<T, 5, B> clip(b, scale::shape<5>{{1, 3, config.at("frames"), config.at("height"), config.at("width")}});
  scale::upload(b, std::vector<T>(pixels.begin(), pixels.end()), clip);
  scale::tensor<T, 2, B> feature(b, scale::shape{index_t{1}, network.feature_width()});

  std::vector<std::string> seen = {"input"}, stages;
  network.forward(b, clip.view(), feature.view(), [&](std::string_view stage, auto const& rows) {
    seen.emplace_back(stage);
    if (blocks < 0 || stage != "norm") check_stage(seen.back(), ::golden::row_major(b, rows));
  });
  for (auto const& stage : config.at("stages")) {
    std::string const of = stage.at("name");
    bool const beyond = blocks >= 0 && of.starts_with("block") && std::stoll(of.substr(5)) >= blocks;
    if (!beyond) stages.push_back(of);
  }
  CHECK(seen == stages);
  if (blocks >= 0) return;
  ::golden::feature_error const error(::golden::row_major(b, feature.view()), file.template read<double>("feature"));
  CHECK(error.feature <= bound("feature"));
  CHECK(error.cosine <= bound("cosine"));
}

/// Whether cases of many seconds run: where the environment names the shared data.
inline bool long_cases() {
  char const* const folder = std::getenv("SCALE_SHARED_DIR");
  return folder != nullptr && *folder != '\0';
}

/// The names and shapes of a network's tensors as a published file has them; empty without the shared data.
inline memory_weights published_names(char const* network) {
  memory_weights weights;
  auto const path = shared_data("state_dicts.json");
  if (!path) return weights;
  std::ifstream stream(*path);
  auto const all = nlohmann::json::parse(stream);
  for (auto const& tensor : all.at(network))
    weights.add_shape(tensor.at("name"), tensor.at("shape").get<std::vector<index_t>>());
  return weights;
}

}  // namespace testing
