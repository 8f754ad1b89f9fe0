// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the reader of each format fills: tensors, the groups they lie in, and the memory that they borrow from.

#include <scale/io/detail/tensor_copies.hpp>
#include <scale/io/file_error.hpp>
#include <scale/io/mapped_file.hpp>
#include <scale/io/name_map.hpp>
#include <scale/io/pickle_value.hpp>
#include <scale/io/safetensors.hpp>
#include <scale/io/stored_tensor.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scale::detail {

/// Moves without its tensors' bytes moving.
struct weights_content {
  std::vector<stored_tensor> tensors;
  std::vector<weight_group> groups;
  std::map<std::string, std::string> metadata;

  mapped_file file;
  tensor_copies copies;
  std::deque<safetensors_file> shards;
  std::optional<pickle_graph> pickle;

  /// `key_size` bytes at the end of `name` are the key within the group.
  void add(std::string_view group, std::size_t key_size, stored_tensor tensor) {
    auto const [at, is_new] = group_index_.emplace(std::string(group), groups.size());
    if (is_new) groups.push_back({at->first, {}});
    stored_tensor inside = tensor;
    inside.name = tensor.name.substr(tensor.name.size() - key_size);
    groups[at->second].tensors.push_back(std::move(inside));
    tensors.push_back(std::move(tensor));
  }

  /// Throws input_error where two tensors have one name.
  void expect_unique_names(std::filesystem::path const& path) const {
    std::vector<std::string_view> names;
    names.reserve(tensors.size());
    for (stored_tensor const& tensor : tensors) names.push_back(tensor.name);
    std::sort(names.begin(), names.end());
    auto const twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) refuse_file(path, "two tensors have the name '" + printable(*twice) + "'");
  }

  /// Throws input_error where a truth value is neither 0 nor 1.
  static void expect_truth_values(std::filesystem::path const& path, stored_tensor const& tensor) {
    if (tensor.type == stored_type::boolean &&
        std::any_of(tensor.bytes.begin(), tensor.bytes.end(), [](std::byte b) { return b > std::byte{1}; }))
      refuse_file(path, "tensor '" + printable(tensor.name) + "': a truth value is neither 0 nor 1");
  }

 private:
  std::map<std::string, std::size_t> group_index_;
};

}  // namespace scale::detail
