// SPDX-License-Identifier: Apache-2.0
#pragma once
// One golden file: its description, filled inputs and expected outputs, and the comparison with what was computed.

#include <scale/core/shape.hpp>
#include <scale/io/safetensors.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace scale::program {

/// An opened file. Throws input_error where it is no golden file.
class golden_case {
 public:
  /// `weights`: the file of weights to use in place of the one that the case names.
  explicit golden_case(std::filesystem::path const& path, std::filesystem::path weights = {});

  std::string name() const { return file_.path().stem().string(); }
  std::string const& kind() const { return kind_; }
  nlohmann::json const& config() const { return config_; }
  safetensors_file const& file() const { return file_; }

  /// A stored tensor, as T.
  template <class T>
  std::vector<T> stored(std::string const& tensor) const {
    return file_.read<T>(tensor);
  }

  /// A filled input of config.fills, and its shape.
  std::vector<double> filled(std::string const& tensor) const;
  std::vector<index_t> filled_shape(std::string const& tensor) const;
  bool has_fill(std::string const& tensor) const;

  /// A filled parameter of config.params or config.probe_params, and its shape.
  std::vector<double> parameter(std::string const& tensor) const;
  std::vector<index_t> parameter_shape(std::string const& tensor) const;
  bool has_parameter(std::string const& tensor) const;

  /// The file of weights that config.weights names: shared/..., where `shared` holds golden/backbones/FILE. Throws
  /// input_error where there is none.
  std::filesystem::path weights() const;

  /// Bound of a tensor for elements of `type` (fp64, fp32, bf16): by its full name, else by what stands before the
  /// first '/'. Negative where the file gives none.
  double tolerance(std::string const& type, std::string const& tensor) const;
  /// Whether it bounds anything for `type`.
  bool bounds(std::string const& type) const { return tolerance_.contains(type) && !tolerance_.at(type).empty(); }
  nlohmann::json const& tolerances() const { return tolerance_; }

 private:
  nlohmann::json const& shape_of(std::string const& tensor) const;

  safetensors_file file_;
  std::filesystem::path weights_;
  std::string kind_;
  nlohmann::json config_;
  nlohmann::json tolerance_;
  std::uint64_t seed_ = 0;
};

/// Collects comparisons of one case. A golden output that was never compared is a failure too.
class comparison {
 public:
  comparison(golden_case const& golden, std::string type) : golden_(golden), type_(std::move(type)) {}

  std::string const& type() const { return type_; }

  /// Whether the file stores a tensor of that name.
  bool has(std::string const& tensor) const { return golden_.file().find(tensor) != nullptr; }

  /// Compares with the stored tensor of that name: max |a - b| / max |b|. Integers must be equal.
  void check(std::string const& tensor, std::span<double const> values);

  template <class T>
  void check(std::string const& tensor, std::vector<T> const& values) {
    std::vector<double> const numbers(values.begin(), values.end());
    check(tensor, std::span<double const>(numbers));
  }

  void check(std::string const& tensor, double value) { check(tensor, std::span<double const>(&value, 1)); }

  /// Compares the sketch of `values` with the stored eight numbers.
  void check_sketch(std::string const& tensor, std::span<double const> values);

  /// Compares with a bound given by the caller, as kind `colour` needs.
  void check_within(std::string const& tensor, double error, double limit);

  bool passed();
  double worst_error() const { return worst_error_; }
  double worst_limit() const { return worst_limit_; }
  std::string const& first_failure() const { return first_failure_; }
  std::size_t compared() const { return compared_.size(); }

 private:
  void note(std::string const& tensor, double error, double limit);

  golden_case const& golden_;
  std::string type_;
  std::set<std::string> compared_;
  double worst_ratio_ = -1;
  double worst_error_ = 0;
  double worst_limit_ = 0;
  std::string first_failure_;
};

}  // namespace scale::program
