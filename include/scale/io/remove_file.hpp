// SPDX-License-Identifier: Apache-2.0
#pragma once
// Removing a file, with this library's errors.

#include <scale/io/file_error.hpp>

#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace scale {

/// Does nothing where there is no such file. Throws argument_error or resource_error where it cannot be removed.
inline void remove_file(std::filesystem::path const& file) {
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) throw_write_failure(file, "removing the file", errno);
}

}  // namespace scale
