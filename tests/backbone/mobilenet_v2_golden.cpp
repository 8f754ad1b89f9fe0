// SPDX-License-Identifier: Apache-2.0
// The real network on real photographs: stages, features and classes of the golden files. Weights and golden files lie
// in the shared data.
#include <scale/backbone/mobilenet_v2.hpp>
#include <scale/cpu.hpp>
#include <scale/io/safetensors.hpp>
#include <scale/ref.hpp>

#include "support/golden_fill.hpp"
#include "support/shared_data.hpp"
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace {

using scale::index_t;

/// The eight numbers that stand for a tensor: sum, norm, six dot products.
std::array<double, 8> sketch_of(std::vector<double> const& values) {
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

/// What one golden file's frames give on backend B.
template <class T, class B>
void check_golden(B const& b, scale::safetensors_file const& weights, std::filesystem::path const& path,
                  char const* type) {
  CAPTURE(path.filename().string());
  scale::safetensors_file const file(path);
  auto const limit = nlohmann::json::parse(file.metadata().at("tolerance")).at(type);
  scale::stored_tensor const& input = file.at("input");
  index_t const n = input.shape[0], h = input.shape[1], w = input.shape[2];
  auto const pixels = file.template read<double>("input");
  scale::tensor<T, 5, B> clips(b, scale::shape<5>{{n, 3, 1, h, w}});
  for (index_t i = 0; i < n; ++i)
    for (index_t p = 0; p < h * w; ++p)
      for (index_t c = 0; c < 3; ++c)
        clips.data_handle()[(i * 3 + c) * h * w + p] = T(
            static_cast<scale::stat_t<T>>((pixels[static_cast<std::size_t>((i * h * w + p) * 3 + c)] - 127.5) / 127.5));

  scale::mobilenet_v2_backbone<T, B> network(b, weights);
  scale::tensor<T, 2, B> features(b, scale::shape{n, network.feature_width()});
  std::map<std::string, std::vector<double>> stages;  // of the first frame
  network.forward(b, clips.view(), features.view(), [&](std::string_view name, auto const& x) {
    std::vector<double>& values = stages[std::string(name)];
    if (!values.empty()) return;
    for (index_t c = 0; c < x.extent(1); ++c)
      for (index_t y = 0; y < x.extent(2); ++y)
        for (index_t v = 0; v < x.extent(3); ++v) values.push_back(static_cast<double>(x(0, c, y, v)));
  });

  auto const golden_feature = file.template read<double>("feature");
  REQUIRE(static_cast<index_t>(golden_feature.size()) == features.size());
  double worst = 0, norm = 0, dot = 0, own = 0;
  for (std::size_t i = 0; i < golden_feature.size(); ++i) {
    double const got = static_cast<double>(features.data_handle()[i]), expected = golden_feature[i];
    worst = std::max(worst, std::abs(got - expected));
    norm += expected * expected;
    own += got * got;
    dot += got * expected;
  }
  CHECK(worst / std::sqrt(norm) <= limit.at("feature").template get<double>());
  CHECK(1 - dot / std::sqrt(norm * own) <= limit.at("cosine").template get<double>());

  int compared = 0;
  for (auto const& [name, values] : stages) {
    CAPTURE(name);
    auto const golden_sketch = file.template read<double>("stage." + name);
    auto const golden_head = file.template read<double>("stage." + name + ".head");
    auto const got = sketch_of(values);
    double const root = std::sqrt(static_cast<double>(values.size()));
    double error = std::abs(got[0] - golden_sketch[0]) / (golden_sketch[1] * root);
    for (std::size_t i = 1; i < 8; ++i) error = std::max(error, std::abs(got[i] - golden_sketch[i]) / golden_sketch[1]);
    CHECK(error <= limit.at("stage").template get<double>());
    double head = 0;
    for (std::size_t i = 0; i < golden_head.size(); ++i)
      head = std::max(head, std::abs(values[i] - golden_head[i]) / (golden_sketch[1] / root));
    CHECK(head <= limit.at("head").template get<double>());
    ++compared;
  }
  CHECK(compared == 19);

  REQUIRE(network.classes() == 1001);
  scale::tensor<T, 2, B> logits(b, scale::shape{n, network.classes()});
  network.classify(b, features.view(), logits.view());
  auto const top = file.template read<std::int32_t>("top5.index");
  auto const top_logit = file.template read<double>("top5.logit");
  for (index_t i = 0; i < n; ++i) {
    T const* const row = logits.data_handle() + i * 1001;
    CHECK(std::max_element(row, row + 1001) - row == top[static_cast<std::size_t>(5 * i)]);
    for (std::size_t k = 0; k < 5; ++k) {
      double const expected = top_logit[static_cast<std::size_t>(5 * i) + k];
      // a dot product of the feature; its rounding is that of the feature times the weights' share
      CHECK(std::abs(static_cast<double>(row[top[static_cast<std::size_t>(5 * i) + k]]) - expected) <=
            32 * limit.at("feature").template get<double>() * std::abs(expected));
    }
  }
}

template <class T, class B>
void check_all(B const& b, char const* type, std::size_t most) {
  auto const folder = testing::shared_data("golden/backbones");
  auto const stored = testing::shared_data("data/weights/mobilenet_v2_1.0_224.safetensors");
  if (!folder || !stored) return;
  scale::safetensors_file const weights(*stored);
  std::vector<std::filesystem::path> paths;
  for (auto const& entry : std::filesystem::directory_iterator(*folder))
    if (entry.path().filename().string().starts_with("mobilenet_v2_")) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  CHECK(paths.size() >= 4);
  for (std::size_t i = 0; i < std::min(most, paths.size()); ++i) check_golden<T>(b, weights, paths[i], type);
}

}  // namespace

TEST_CASE("mobilenet_v2: golden files on cpu in float") { check_all<float>(scale::cpu::context(2), "fp32", 100); }

TEST_CASE("mobilenet_v2: golden files on cpu in bf16") { check_all<scale::bf16>(scale::cpu::context(2), "bf16", 100); }

// 0.3 G multiply-adds a frame in plain loops: one photograph here, `scale verify` does the others.
TEST_CASE("mobilenet_v2: golden file on ref in double") { check_all<double>(scale::ref::context{}, "fp64", 1); }
