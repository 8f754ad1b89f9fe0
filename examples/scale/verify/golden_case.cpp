// SPDX-License-Identifier: Apache-2.0
#include "scale/verify/golden_case.hpp"

#include <support/golden_fill.hpp>

#include <cmath>
#include <limits>
#include <system_error>
#include <utility>

namespace scale::program {

golden_case::golden_case(std::filesystem::path const& path, std::filesystem::path weights)
    : file_(path), weights_(std::move(weights)) {
  auto const& metadata = file_.metadata();
  auto const text = [&](char const* key) -> std::string const& {
    auto const at = metadata.find(key);
    if (at == metadata.end())
      throw input_error(path.string() + ": not a golden file: __metadata__ has no '" + key + "'");
    return at->second;
  };
  if (text("format") != "scale-golden-1")
    throw input_error(path.string() + ": format: expected scale-golden-1, found " + text("format"));
  kind_ = text("case");
  try {
    config_ = nlohmann::json::parse(text("config"));
    tolerance_ = nlohmann::json::parse(text("tolerance"));
    seed_ = std::stoull(text("fill_seed"));
  } catch (std::exception const& e) {
    throw input_error(path.string() + ": damaged description: " + e.what());
  }
}

bool golden_case::has_fill(std::string const& tensor) const {
  return config_.contains("fills") && config_.at("fills").contains(tensor);
}

std::vector<index_t> golden_case::filled_shape(std::string const& tensor) const {
  return config_.at("fills").at(tensor).at("shape").get<std::vector<index_t>>();
}

std::vector<double> golden_case::filled(std::string const& tensor) const {
  nlohmann::json const& f = config_.at("fills").at(tensor);
  return golden::fill(tensor, filled_shape(tensor), f.at("centre").get<double>(), f.at("half").get<double>(), seed_,
                      f.value("map", std::string()), f.value("dtype", std::string()));
}

bool golden_case::has_parameter(std::string const& tensor) const {
  for (char const* group : {"params", "probe_params"})
    if (config_.contains(group) && config_.at(group).contains(tensor)) return true;
  return false;
}

nlohmann::json const& golden_case::shape_of(std::string const& tensor) const {
  for (char const* group : {"params", "probe_params"})
    if (config_.contains(group) && config_.at(group).contains(tensor)) return config_.at(group).at(tensor);
  throw input_error(file_.path().string() + ": parameter '" + tensor + "' is missing in its config");
}

std::vector<index_t> golden_case::parameter_shape(std::string const& tensor) const {
  return shape_of(tensor).get<std::vector<index_t>>();
}

std::vector<double> golden_case::parameter(std::string const& tensor) const {
  return golden::fill_parameter(tensor, parameter_shape(tensor), seed_);
}

std::filesystem::path golden_case::weights() const {
  std::filesystem::path file = weights_;
  if (file.empty()) {
    std::filesystem::path const named = config_.at("weights").get<std::string>();
    file = std::filesystem::absolute(file_.path()).parent_path() / ".." / ".." / named.lexically_relative("shared");
  }
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored))
    throw input_error(file_.path().string() + ": its weights were expected at " + file.lexically_normal().string() +
                      ", where there is no file; give them with --weights");
  return file;
}

double golden_case::tolerance(std::string const& type, std::string const& tensor) const {
  auto const of_type = tolerance_.find(type);
  if (of_type == tolerance_.end()) return -1;
  auto at = of_type->find(tensor);
  if (at == of_type->end()) at = of_type->find(tensor.substr(0, tensor.find('/')));
  return at == of_type->end() ? -1 : at->get<double>();
}

void comparison::note(std::string const& tensor, double error, double limit) {
  compared_.insert(tensor);
  double const ratio = limit > 0 ? error / limit : (error > 0 ? std::numeric_limits<double>::infinity() : 0);
  bool const failed = !(error <= limit);
  if (failed && first_failure_.empty()) first_failure_ = tensor;
  if (ratio > worst_ratio_ || std::isnan(ratio)) {
    worst_ratio_ = std::isnan(ratio) ? std::numeric_limits<double>::infinity() : ratio;
    worst_error_ = error;
    worst_limit_ = limit;
  }
}

void comparison::check_within(std::string const& tensor, double error, double limit) { note(tensor, error, limit); }

void comparison::check(std::string const& tensor, std::span<double const> values) {
  stored_tensor const& expected_tensor = golden_.file().at(tensor);
  std::vector<double> const expected = to_vector<double>(expected_tensor);
  bool const whole_numbers = expected_tensor.type == stored_type::i32 || expected_tensor.type == stored_type::u8;
  double const limit = whole_numbers ? 0 : golden_.tolerance(type_, tensor);
  if (limit < 0) return;  // not to be compared in this type
  if (values.size() != expected.size()) {
    note(tensor, std::numeric_limits<double>::infinity(), limit);
    return;
  }
  std::size_t skip_begin = 0, skip_end = 0;
  std::string const bare = tensor.substr(tensor.find('/') == std::string::npos ? 0 : tensor.find('/') + 1);
  if (golden_.config().contains("ignore"))
    for (std::string const& key : {tensor, bare})
      if (auto const at = golden_.config().at("ignore").find(key); at != golden_.config().at("ignore").end()) {
        skip_begin = at->at(0).get<std::size_t>();
        skip_end = at->at(1).get<std::size_t>();
      }
  double difference = 0, largest = 0, own = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (i >= skip_begin && i < skip_end) continue;
    double const d = std::abs(values[i] - expected[i]);
    if (d > difference || std::isnan(d)) difference = d;  // a NaN stays
    largest = std::max(largest, std::abs(expected[i]));
    own = std::max(own, std::abs(values[i]));
  }
  note(tensor, largest > 0 ? difference / largest : (std::isnan(difference) ? difference : own), limit);
}

void comparison::check_sketch(std::string const& tensor, std::span<double const> values) {
  std::vector<double> const expected = golden_.stored<double>(tensor);
  double const limit = golden_.tolerance(type_, tensor);
  if (limit < 0) return;
  double sketch[8] = {};
  double squares = 0;
  for (double const v : values) {
    sketch[0] += v;
    squares += v * v;
  }
  sketch[1] = std::sqrt(squares);
  for (int j = 0; j < 6; ++j) {
    std::uint64_t const key = golden::fill_key("sketch" + std::to_string(j), 0);
    for (std::size_t i = 0; i < values.size(); ++i)
      sketch[2 + j] += values[i] * (2 * (static_cast<double>(golden::fill_bits(key, i + 1)) * 0x1p-24) - 1);
  }
  double const norm = expected[1];
  double const count = static_cast<double>(values.size());
  double error = norm > 0 ? std::abs(sketch[0] - expected[0]) / (norm * std::sqrt(count)) : std::abs(sketch[0]);
  for (int j = 1; j < 8; ++j) {
    double const d = std::abs(sketch[j] - expected[static_cast<std::size_t>(j)]);
    double const e = norm > 0 ? d / norm : d;
    if (e > error || std::isnan(e)) error = e;
  }
  note(tensor, error, limit);
}

bool comparison::passed() {
  for (stored_tensor const& t : golden_.file().tensors()) {
    bool const output = golden_.tolerance(type_, t.name) >= 0;
    if (output && !compared_.contains(t.name) && first_failure_.empty()) first_failure_ = t.name + " (never computed)";
  }
  if (compared_.empty() && first_failure_.empty()) first_failure_ = "nothing was compared";
  return first_failure_.empty();
}

}  // namespace scale::program
