// SPDX-License-Identifier: Apache-2.0
#pragma once
// Golden files of one kind, opened, with their description and error measure.

#include <scale/io/safetensors.hpp>

#include "support/golden_fill.hpp"
#include "support/shared_data.hpp"
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace golden {

struct file_case {
  std::string name;
  scale::safetensors_file file;
  nlohmann::json config;
  nlohmann::json tolerance;
  std::uint64_t seed = 0;

  std::vector<double> values(std::string_view tensor) const { return file.read<double>(tensor); }
  double limit(char const* type, char const* tensor) const { return tolerance.at(type).at(tensor).get<double>(); }

  /// A filled input, as config.fills describes it.
  std::vector<double> filled(char const* tensor) const {
    auto const& f = config.at("fills").at(tensor);
    auto const shape = f.at("shape").get<std::vector<std::int64_t>>();
    return fill(tensor, shape, f.at("centre").get<double>(), f.at("half").get<double>(), seed,
                f.value("map", std::string()), f.value("dtype", std::string()));
  }
};

/// All golden files whose kind is `kind`, by name; fails the test where there are none.
inline std::vector<file_case> cases_of(std::string_view kind) {
  std::vector<std::filesystem::path> paths;
  for (auto const& entry : std::filesystem::directory_iterator(testing::golden("scale")))
    if (entry.path().extension() == ".safetensors") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<file_case> cases;
  for (auto const& path : paths) {
    scale::safetensors_file file(path);
    auto const& meta = file.metadata();
    if (meta.at("case") != kind) continue;
    auto config = nlohmann::json::parse(meta.at("config"));
    auto tolerance = nlohmann::json::parse(meta.at("tolerance"));
    auto const seed = std::stoull(meta.at("fill_seed"));
    cases.push_back({path.stem().string(), std::move(file), std::move(config), std::move(tolerance), seed});
  }
  REQUIRE_FALSE(cases.empty());
  return cases;
}

/// max |a - b| / max |b|; max |a| where b is all 0.
template <class A>
double relative_error(std::span<A const> a, std::vector<double> const& b) {
  REQUIRE(a.size() == b.size());
  double difference = 0;
  double most = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    difference = std::max(difference, std::abs(static_cast<double>(a[i]) - b[i]));
    most = std::max(most, std::abs(b[i]));
  }
  return most > 0 ? difference / most : difference;
}

template <class A>
double relative_error(std::vector<A> const& a, std::vector<double> const& b) {
  return relative_error(std::span<A const>(a), b);
}

}  // namespace golden
