// SPDX-License-Identifier: Apache-2.0
#pragma once
// Golden files of transformers: weights filled by name, in memory; the clip of a case; and the comparison of every
// stage and of the feature.

#include <scale/backbone/vit/names.hpp>
#include <scale/io/safetensors.hpp>
#include <scale/ops/transfer.hpp>

#include "support/golden_fill.hpp"
#include "support/shared_data.hpp"
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace testing {

using scale::index_t;

/// Tensors by name, as an open file has them.
class memory_weights {
 public:
  std::vector<scale::stored_tensor> const& tensors() const { return tensors_; }
  std::filesystem::path path() const { return "weights in memory"; }
  std::string sha256() const { return "0123"; }

  /// One whose numbers nobody looks at.
  void add_shape(std::string name, std::vector<index_t> shape) {
    tensors_.push_back({std::move(name), scale::stored_type::f32, std::move(shape), {}});
  }

  void add(std::string name, std::vector<index_t> shape, std::vector<float> values) {
    values_.push_back(std::move(values));
    tensors_.push_back(scale::as_stored(std::move(name), std::move(shape), std::span<float const>(values_.back())));
  }

  /// Filled with seed 1 by `fill_name`, which is the name the golden files know the tensor by.
  void add_filled(std::string name, std::vector<index_t> const& shape, std::string const& fill_name) {
    std::vector<double> const values = golden::fill_parameter(fill_name, shape, 1);
    add(std::move(name), shape, std::vector<float>(values.begin(), values.end()));
  }

  void add_filled(std::string const& name, std::vector<index_t> const& shape) { add_filled(name, shape, name); }

  std::vector<float>& values(std::string_view name) { return values_[place(name)]; }

  void remove(std::string_view name) {
    std::size_t const at = place(name);
    tensors_.erase(tensors_.begin() + static_cast<std::ptrdiff_t>(at));
    std::deque<std::vector<float>> kept;  // deque's erase would move the vectors that tensors borrow from
    for (std::size_t i = 0; i < values_.size(); ++i)
      if (i != at) kept.push_back(std::move(values_[i]));
    values_ = std::move(kept);
  }

 private:
  std::size_t place(std::string_view name) const {
    for (std::size_t i = 0; i < tensors_.size(); ++i)
      if (tensors_[i].name == name) return i;
    throw std::invalid_argument("no such tensor: " + std::string(name));
  }

  std::vector<scale::stored_tensor> tensors_;
  std::deque<std::vector<float>> values_;
};

/// All tensors of `specs`, under their own names after `prefix`.
inline memory_weights own_weights(std::vector<scale::weight_spec> const& specs, std::string const& prefix = "") {
  memory_weights weights;
  for (scale::weight_spec const& spec : specs) weights.add_filled(prefix + spec.name, spec.shape);
  return weights;
}

/// All tensors of `specs` under the names of `table`, filled by those.
inline memory_weights table_weights(std::vector<scale::weight_spec> const& specs, scale::vit_name_table const& table) {
  memory_weights weights;
  for (auto const& [name, shape] : scale::vit_file_tensors(specs, table)) weights.add_filled(name, shape);
  return weights;
}

/// The clip of a golden case, [3, t, h, w].
inline std::vector<float> golden_clip(nlohmann::json const& config) {
  index_t const t = config.at("frames"), h = config.at("height"), w = config.at("width");
  std::uint64_t const seed = config.at("clip_seed");
  std::vector<index_t> const shape = {1, 3, t, h, w};
  bool const blocks = config.at("clip") == "blocks";
  std::vector<double> const noise = golden::fill("clip", shape, 0, blocks ? 0.75 : 1.5, seed);
  std::vector<float> clip(noise.begin(), noise.end());
  if (!blocks) return clip;
  index_t const bt = (t + 3) / 4, bh = (h + 31) / 32, bw = (w + 31) / 32;
  auto const block = golden::fill("clip.blocks", std::vector<index_t>{1, 3, bt, bh, bw}, 0, 1, seed);
  auto const tint = golden::fill("clip.tint", std::vector<index_t>{1, 3, 1, 1, 1}, 0, 1.5, seed);
  for (std::size_t i = 0; i < clip.size(); ++i) {
    index_t const at = static_cast<index_t>(i), c = at / (t * h * w);
    index_t const place = ((c * bt + at / (h * w) % t / 4) * bh + at / w % h / 32) * bw + at % w / 32;
    float const sum = clip[i] + static_cast<float>(block[static_cast<std::size_t>(place)]);
    clip[i] = sum + static_cast<float>(tint[static_cast<std::size_t>(c)]);
  }
  return clip;
}

/// The eight numbers that stand for a tensor: sum, norm, six dot products.
inline std::array<double, 8> vit_sketch(std::vector<double> const& values) {
  std::array<double, 8> out{};
  for (double const v : values) out[0] += v, out[1] += v * v;
  out[1] = std::sqrt(out[1]);
  for (std::size_t j = 0; j < 6; ++j) {
    std::uint64_t const key = golden::fill_key("sketch" + std::to_string(j), 0);
    for (std::size_t i = 0; i < values.size(); ++i)
      out[2 + j] += values[i] * (2 * static_cast<double>(golden::fill_bits(key, i + 1)) * 0x1p-24 - 1);
  }
  return out;
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
  std::vector<float> const pixels = golden_clip(config);
  scale::tensor<T, 5, B> clip(b, scale::shape<5>{{1, 3, config.at("frames"), config.at("height"), config.at("width")}});
  scale::upload(b, std::vector<T>(pixels.begin(), pixels.end()), clip);
  scale::tensor<T, 2, B> feature(b, scale::shape{index_t{1}, network.feature_width()});

  std::vector<std::string> seen;
  network.forward(b, clip.view(), feature.view(), [&](std::string_view stage, auto const& rows) {
    seen.emplace_back(stage);
    if (blocks >= 0 && stage == "norm") return;
    CAPTURE(seen.back());
    std::vector<double> values;
    for (index_t i = 0; i < rows.extent(0); ++i)
      for (index_t j = 0; j < rows.extent(1); ++j) values.push_back(static_cast<double>(rows(i, j)));
    auto const expected = file.template read<double>("stage." + seen.back());
    auto const head = file.template read<double>("stage." + seen.back() + ".head");
    std::array<double, 8> const sketch = vit_sketch(values);
    double const root = std::sqrt(static_cast<double>(values.size()));
    double error = std::abs(sketch[0] - expected[0]) / (expected[1] * root), first = 0;
    for (std::size_t i = 1; i < 8; ++i) error = std::max(error, std::abs(sketch[i] - expected[i]) / expected[1]);
    for (std::size_t i = 0; i < head.size(); ++i)
      first = std::max(first, std::abs(values[i] - head[i]) / (expected[1] / root));
    CHECK(error <= bound("stage"));
    CHECK(first <= bound("head"));
  });
  std::vector<std::string> stages;
  for (auto const& stage : config.at("stages")) {
    std::string const of = stage.at("name");
    bool const beyond = blocks >= 0 && of.starts_with("block") && std::stoll(of.substr(5)) >= blocks;
    if (of != "input" && !beyond) stages.push_back(of);
  }
  CHECK(seen == stages);
  if (blocks >= 0) return;

  auto const expected = file.template read<double>("feature");
  std::vector<T> got(static_cast<std::size_t>(feature.size()));
  scale::download(b, feature, got);
  REQUIRE(got.size() == expected.size());
  double worst = 0, norm = 0, dot = 0, own = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    double const value = static_cast<double>(got[i]);
    worst = std::max(worst, std::abs(value - expected[i]));
    norm += expected[i] * expected[i], own += value * value, dot += value * expected[i];
  }
  CHECK(worst / std::sqrt(norm) <= bound("feature"));
  CHECK(1 - dot / std::sqrt(norm * own) <= bound("cosine"));
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
