// SPDX-License-Identifier: Apache-2.0
#pragma once
// The saves that must not lose anything, each over an older one, and a way to ask which of the two is there.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace testing {

struct save_case {
  char const* name;
  std::function<void(std::filesystem::path const& folder, int generation)> save;
  /// The newest generation that loads, all of it. Throws what the reader throws where none does.
  std::function<int(std::filesystem::path const& folder)> load;
};

/// Checkpoints of a run's folder, two of which are kept; a model; a store; metrics that are cut; the journal of an
/// extraction, which grows.
std::vector<save_case> const& save_cases();

/// Names in the folder that begin with a dot: what a writer left.
std::vector<std::string> rubbish_in(std::filesystem::path const& folder);

}  // namespace testing
