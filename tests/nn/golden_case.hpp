// SPDX-License-Identifier: Apache-2.0
#pragma once
// A golden file: configuration, filled inputs and parameters, stored outputs with the tolerances that belong to them.

#include <scale/io/safetensors.hpp>
#include <scale/nn.hpp>

#include <nlohmann/json.hpp>
#include <support/golden_fill.hpp>
#include <support/random_tensor.hpp>
#include <support/shared_data.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace testing {

using scale::index_t;

class golden_case {
 public:
  /// `computed_in`: the type of the computation that results come from, whose tolerances hold.
  golden_case(std::filesystem::path const& path, scale::dtype computed_in)
      : file_(path),
        computed_in_(computed_in),
        config_(nlohmann::json::parse(file_.metadata().at("config"))),
        tolerance_(nlohmann::json::parse(file_.metadata().at("tolerance"))),
        seed_(std::stoull(file_.metadata().at("fill_seed"))) {}

  nlohmann::json const& config() const { return config_; }
  std::string name() const { return file_.path().filename().string(); }
  bool has(std::string const& tensor) const { return file_.find(tensor) != nullptr; }
  std::vector<scale::stored_tensor> const& tensors() const { return file_.tensors(); }

  template <class T>
  std::vector<T> read(std::string const& tensor) const {
    return file_.read<T>(tensor);
  }

  std::vector<index_t> fill_shape(std::string const& name) const {
    return config_.at("fills").at(name).at("shape").get<std::vector<index_t>>();
  }
  std::vector<double> fill(std::string const& name) const {
    nlohmann::json const& f = config_.at("fills").at(name);
    return golden::fill(name, fill_shape(name), f.at("centre"), f.at("half"), seed_, f.value("map", ""),
                        f.value("dtype", ""));
  }
  std::vector<double> parameter(std::string const& name, std::vector<index_t> const& shape) const {
    return golden::fill_parameter(name, shape, seed_);
  }

  scale::set_transformer_config network() const {
    scale::set_transformer_config c;
    c.features = config_.at("D");
    c.width = config_.at("H");
    c.layers = config_.at("L");
    c.mlp_ratio = config_.at("mlp_ratio");
    c.dropout = config_.at("dropout");
    c.pred_hidden = config_.at("pred_hidden");
    c.target_hidden = config_.at("target_hidden");
    c.set_dim = config_.at("set_dim");
    c.dense_dim = config_.at("dense_dim");
    c.set_temperature = config_.at("set_temperature");
    c.dense_temperature = config_.at("dense_temperature");
    c.set_weight = config_.value("set_weight", 1.0);
    c.dense_weight = config_.value("dense_weight", 1.0);
    bool const heads = !config_.contains("params") || config_.at("params").contains("msk_token");
    c.heads = heads ? scale::pretraining_heads::present : scale::pretraining_heads::absent;
    return c;
  }

  /// Filled parameters, ready to be trained; the file's list must be the network's.
  template <scale::floating T, scale::backend B>
  scale::set_transformer_model<T, B> model(B const& b) const {
    scale::set_transformer_model<T, B> m(b, network(), 1);
    m.parameters().require_gradients(b);
    fill_parameters(b, m.parameters());
    CHECK(m.parameters().table().entries().size() == config_.at("params").size());
    return m;
  }

  template <scale::floating T, scale::backend B>
  void fill_parameters(B const& b, scale::parameters<T, B>& p) const {
    for (scale::parameter_entry const& entry : p.table().entries()) {
      CHECK(config_.at("params").at(entry.name).get<std::vector<index_t>>() == entry.shape);
      p.write(b, entry.name, converted<scale::acc_t<T>>(parameter(entry.name, entry.shape)));
    }
  }

  /// Holds a result against the stored tensor, within the file's tolerance for the type of the computation.
  template <class T>
  void check(std::string const& tensor, std::vector<T> const& got) const {
    std::vector<double> const expected = file_.read<double>(tensor);
    REQUIRE_MESSAGE(got.size() == expected.size(), name(), " ", tensor);
    auto const limit = find_tolerance(tensor);
    if (!limit) return;  // not to be compared in this type
    std::pair<std::size_t, std::size_t> ignored{0, 0};
    if (config_.contains("ignore") && config_.at("ignore").contains(tensor))
      ignored = config_.at("ignore").at(tensor).get<std::pair<std::size_t, std::size_t>>();
    double largest = 0, worst = 0;
    for (double const v : expected) largest = (std::max)(largest, std::abs(v));
    for (std::size_t i = 0; i < got.size(); ++i) {
      if (i >= ignored.first && i < ignored.second) continue;
      double const difference = std::abs(static_cast<double>(got[i]) - expected[i]);
      worst = difference <= worst ? worst : difference;  // NaN becomes the worst and stays
    }
    double const error = largest > 0 ? worst / largest : worst;
    CHECK_MESSAGE(error <= *limit, name(), " ", tensor, ": error ", error, ", limit ", *limit);
  }

  /// The same for a tensor that stands in the file as a sketch.
  template <class T>
  void check_sketch(std::string const& tensor, std::vector<T> const& got) const {
    auto const limit = find_tolerance(tensor);
    if (!limit) return;
    std::vector<double> const expected = file_.read<double>(tensor);
    REQUIRE(expected.size() == 8);
    std::vector<double> sketch(8);
    for (T const value : got) {
      sketch[0] += static_cast<double>(value);
      sketch[1] += static_cast<double>(value) * static_cast<double>(value);
    }
    sketch[1] = std::sqrt(sketch[1]);
    for (std::size_t j = 0; j < 6; ++j) {
      std::uint64_t const key = golden::fill_key("sketch" + std::to_string(j), 0);
      for (std::size_t i = 0; i < got.size(); ++i)
        sketch[2 + j] += static_cast<double>(got[i]) * golden::fill_value(golden::fill_bits(key, i + 1), 0, 1);
    }
    double const norm = expected[1] > 0 ? expected[1] : 1;
    for (std::size_t i = 0; i < 8; ++i) {
      double const scale_of = i == 0 ? norm * std::sqrt(static_cast<double>(got.size())) : norm;
      double const error = std::abs(sketch[i] - expected[i]) / scale_of;
      CHECK_MESSAGE(error <= *limit, name(), " ", tensor, "[", i, "]: error ", error, ", limit ", *limit);
    }
  }

 private:
  std::optional<double> find_tolerance(std::string const& tensor) const {
    char const* const type = computed_in_ == scale::dtype::f64    ? "fp64"
                             : computed_in_ == scale::dtype::bf16 ? "bf16"
                                                                  : "fp32";
    if (!tolerance_.contains(type)) return std::nullopt;
    nlohmann::json const& limits = tolerance_.at(type);
    std::string const kind = tensor.substr(0, tensor.find('/'));
    if (limits.contains(tensor)) return limits.at(tensor).get<double>();
    if (limits.contains(kind)) return limits.at(kind).get<double>();
    return std::nullopt;
  }

  scale::safetensors_file file_;
  scale::dtype computed_in_;
  nlohmann::json config_;
  nlohmann::json tolerance_;
  std::uint64_t seed_;
};

/// All golden files whose name begins so; at least one must be there.
inline std::vector<std::filesystem::path> golden_files(std::string const& prefix) {
  std::vector<std::filesystem::path> found;
  for (auto const& entry : std::filesystem::directory_iterator(golden("scale")))
    if (entry.path().filename().string().starts_with(prefix)) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  REQUIRE_MESSAGE(!found.empty(), "no golden file ", prefix);
  return found;
}

}  // namespace testing
