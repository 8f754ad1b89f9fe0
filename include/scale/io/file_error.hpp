// SPDX-License-Identifier: Apache-2.0
#pragma once
// How this library speaks of files it refuses: the file's name first, then what was expected and found.

#include <scale/core/error.hpp>

#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace scale {

/// Text from a file made fit for a message: control bytes and bytes above 126 as \xNN, at most `limit` bytes of it.
inline std::string printable(std::string_view text, std::size_t limit = 100) {
  constexpr char const* digits = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < text.size() && i < limit; ++i) {
    unsigned const byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte < 0x7f) {
      out += text[i];
    } else {
      out += "\\x";
      out += digits[byte >> 4];
      out += digits[byte & 15u];
    }
  }
  return text.size() > limit ? out + "..." : out;
}

/// Throws input_error "FILE: what".
[[noreturn]] inline void refuse_file(std::filesystem::path const& file, std::string_view what) {
  throw input_error(file.string() + ": " + std::string(what));
}

/// Throws for a system call on `file` that failed with `code`: resource_error where the machine lacks something (space,
/// memory, descriptors, a working disk), else argument_error: the place cannot be written by this user.
[[noreturn]] inline void throw_write_failure(std::filesystem::path const& file, std::string_view doing, int code) {
  std::string const text = file.string() + ": " + std::string(doing) +
                           " failed: " + std::error_code(code, std::generic_category()).message();
  switch (code) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EACCES:
    case EPERM:
    case ENAMETOOLONG:
    case EINVAL: throw argument_error(text + "; give a path in a folder that exists and can be written");
    case ENOSPC:
    case EDQUOT: throw resource_error(text + "; free some space and run again, nothing was left behind");
    default: throw resource_error(text);
  }
}

}  // namespace scale
