// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where test data lies: tests/golden in the source tree, always there; and larger data (videos, weights) in a folder
// of its own, which a checkout need not have.

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>

namespace testing {

inline std::filesystem::path source_dir() { return SCALE_TEST_SOURCE_DIR; }

/// A file or folder under tests/golden.
inline std::filesystem::path golden(std::filesystem::path const& relative) {
  return source_dir() / "tests" / "golden" / relative;
}

/// A file or folder of the shared data, which is the environment variable SCALE_SHARED_DIR or the folder `shared`
/// beside the source tree. Empty, after a line on standard output, where it is not there:
///   auto const clips = testing::shared_data("data/clips");
///   if (!clips) return;
inline std::optional<std::filesystem::path> shared_data(std::filesystem::path const& relative) {
  char const* const variable = std::getenv("SCALE_SHARED_DIR");
  std::filesystem::path const root = variable != nullptr && *variable != '\0'
                                         ? std::filesystem::path(variable)
                                         : source_dir().lexically_normal().parent_path() / "shared";
  std::filesystem::path const found = root / relative;
  std::error_code ignored;
  if (std::filesystem::exists(found, ignored)) return found;
  std::cout << "skipped: no shared data (" << found.string() << ")\n";
  return std::nullopt;
}

}  // namespace testing
