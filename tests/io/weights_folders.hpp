// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where files of weights with known content lie: tests/golden/weights, and the shared data's golden/weights where that
// is there and may hold others.

#include "support/shared_data.hpp"

#include <filesystem>
#include <optional>
#include <vector>

namespace testing {

inline std::vector<std::filesystem::path> weights_folders() {
  std::vector<std::filesystem::path> folders = {golden("weights")};
  if (std::optional<std::filesystem::path> const more = shared_data("golden/weights")) folders.push_back(*more);
  return folders;
}

}  // namespace testing
