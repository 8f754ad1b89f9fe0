// SPDX-License-Identifier: Apache-2.0
#pragma once
// PyTorch's files since 1.6: a zip archive of one folder, with data.pkl, and each storage as an entry data/<key>.

#include <scale/io/detail/pickle_walk.hpp>
#include <scale/io/detail/read_torch_pickle.hpp>
#include <scale/io/detail/torch_tensors.hpp>
#include <scale/io/detail/weights_content.hpp>
#include <scale/io/pickle.hpp>
#include <scale/io/zip_archive.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace scale::detail {

/// The one folder of a PyTorch archive, with its '/'; empty where this is no such archive.
inline std::string_view torch_folder(zip_archive const& archive) {
  for (zip_entry const& entry : archive.entries()) {
    std::size_t const slash = entry.name.find('/');
    if (slash != std::string_view::npos && entry.name.substr(slash + 1) == "data.pkl")
      return entry.name.substr(0, slash + 1);
  }
  return {};
}

/// Throws input_error for a second folder, deflated entries, big-endian storages, and whatever read_torch_pickle
/// refuses.
inline void read_torch_zip(weights_content& content, zip_archive const& archive) {
  std::filesystem::path const& path = archive.path();
  std::string_view const folder = torch_folder(archive);
  if (archive.find(std::string(folder) + "constants.pkl") != nullptr)
    refuse_file(path, "a TorchScript archive, which is a program; save its state_dict() with torch.save instead");
  for (zip_entry const& entry : archive.entries()) {
    if (entry.name.substr(0, folder.size()) != folder)
      archive.refuse_entry(entry, "it lies outside the folder '" + printable(folder) + "' that holds data.pkl");
    if (entry.method != zip_method::stored)
      archive.refuse_entry(entry, "deflated; PyTorch stores without compression. Save the file with torch.save");
  }
  auto const find = [&](std::string const& name) { return archive.find(std::string(folder) + name); };
  if (zip_entry const* const order = find("byteorder")) {
    std::span<std::byte const> const word = archive.stored(*order);
    std::string_view const text(reinterpret_cast<char const*>(word.data()), word.size());
    if (text != "little")
      refuse_file(path, "byteorder: expected 'little', found '" + printable(text) +
                            "'; load it with PyTorch and save it on a little-endian machine");
  }
  pickle_and_rest read = read_pickle(path, archive.stored(*find("data.pkl")), persistent_ids::kept);
  if (!read.rest.empty()) refuse_file(path, "data.pkl: " + std::to_string(read.rest.size()) + " bytes behind its end");
  std::map<std::string, std::span<std::byte const>, std::less<>> checked;  // each storage's CRC-32 is computed once
  read_torch_pickle(content, std::move(read.graph), [&](torch_storage const& storage, std::string const& name) {
    if (auto const known = checked.find(storage.key); known != checked.end()) return known->second;
    zip_entry const* const entry = find("data/" + storage.key);
    if (storage.key.find('/') != std::string::npos || entry == nullptr)
      refuse_file(path, "tensor '" + printable(name) + "': there is no storage '" + printable(storage.key) + "'");
    return checked.emplace(storage.key, archive.stored(*entry)).first->second;
  });
}

}  // namespace scale::detail
