// SPDX-License-Identifier: Apache-2.0
#pragma once
// A pre-training run that takes a moment, and what it writes.

#include <scale/io/json_lines.hpp>
#include <scale/train/pretrain_options.hpp>

#include <filesystem>
#include <vector>

namespace testing {

/// Batches of 3, masks drawn; the caller says how long, and what else is special.
inline scale::pretrain_options tiny_options() {
  scale::pretrain_options o;
  o.batch = 3;
  o.set_size = 2;
  o.lr = 1e-2;
  o.hidden = 32;
  o.layers = 2;
  o.pred_hidden = 8;
  o.target_hidden = 6;
  o.set_dim = o.dense_dim = 4;
  o.mask_ratio = 0.5;
  return o;
}

/// The metrics without their times, and without what is said of refused steps.
inline std::vector<nlohmann::json> metrics_of(std::filesystem::path const& folder) {
  auto lines = scale::read_json_lines(folder / "metrics.jsonl");
  std::erase_if(lines, [](nlohmann::json const& line) { return line.contains("refused"); });
  for (auto& line : lines) line.erase("seconds");
  return lines;
}

/// What is said of refused steps.
inline std::vector<nlohmann::json> refusals_of(std::filesystem::path const& folder) {
  auto lines = scale::read_json_lines(folder / "metrics.jsonl");
  std::erase_if(lines, [](nlohmann::json const& line) { return !line.contains("refused"); });
  return lines;
}

}  // namespace testing
