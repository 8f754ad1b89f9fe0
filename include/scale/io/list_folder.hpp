// SPDX-License-Identifier: Apache-2.0
#pragma once
// What lies in a folder.

#include <scale/io/file_error.hpp>

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace scale {

/// Names in a folder, hidden ones too, in bytewise order. std::filesystem::directory_iterator of libstdc++ ends the
/// process where memory runs out; this throws std::bad_alloc. Throws argument_error or resource_error where the folder
/// cannot be read.
inline std::vector<std::string> list_folder(std::filesystem::path const& folder) {
  struct closer {
    void operator()(::DIR* open) const noexcept { ::closedir(open); }
  };
  std::unique_ptr<::DIR, closer> const open(::opendir(folder.c_str()));
  if (open == nullptr) throw_write_failure(folder, "reading the folder", errno);
  std::vector<std::string> names;
  errno = 0;
  while (::dirent const* const entry = ::readdir(open.get())) {
    std::string_view const name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) throw_write_failure(folder, "reading the folder", errno);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace scale
