// SPDX-License-Identifier: Apache-2.0
#pragma once
// Safetensors in several files: an index, *.safetensors.index.json, says which file beside it holds which tensor.

#include <scale/io/detail/weights_content.hpp>
#include <scale/io/json.hpp>
#include <scale/io/safetensors.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <utility>

namespace scale::detail {

/// Throws input_error for an index without a weight_map of texts, shards that are not plain names of files beside the
/// index, and tensors that a shard lacks or that the index does not give to it.
inline void read_shards(weights_content& content, std::filesystem::path const& index) {
  nlohmann::json const json = read_json(index);
  if (!json.is_object() || !json.contains("weight_map") || !json.at("weight_map").is_object())
    refuse_file(index, "expected a JSON object with 'weight_map', from names to files: an index of safetensors");
  std::map<std::string, std::size_t> shards;
  std::map<std::string, std::string> homes;
  for (auto const& [name, value] : json.at("weight_map").items()) {
    if (!value.is_string()) refuse_file(index, "weight_map: expected the name of a file for '" + printable(name) + "'");
    std::string const file = value.get<std::string>();
    bool const plain = !file.empty() && file != "." && file != ".." && file.find('/') == std::string::npos &&
                       file.find('\\') == std::string::npos && file.find('\0') == std::string::npos;
    if (!plain)
      refuse_file(index, "tensor '" + printable(name) + "': expected a file in the index's folder, found '" +
                             printable(file) + "'");
    homes.emplace(name, file);
    if (shards.emplace(file, content.shards.size()).second) content.shards.emplace_back(index.parent_path() / file);
  }
  for (auto const& [file, at] : shards)
    for (stored_tensor const& tensor : content.shards[at].tensors()) {
      auto const home = homes.find(tensor.name);
      if (home == homes.end() || home->second != file)
        refuse_file(index, "weight_map does not give tensor '" + printable(tensor.name) + "' to '" + printable(file) +
                               "', which holds it");
    }
  for (auto const& [name, file] : homes) content.add("", name.size(), content.shards[shards.at(file)].at(name));
  if (json.contains("metadata") && json.at("metadata").is_object())
    for (auto const& [key, value] : json.at("metadata").items())
      if (value.is_string()) content.metadata.emplace(key, value.get<std::string>());
}

}  // namespace scale::detail
