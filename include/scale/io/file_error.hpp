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

/// Whether a system call that failed with `code` was given a path that cannot work, for this user or for anybody. Else
/// the machine lacks something: space, memory, descriptors, a working disk.
constexpr bool is_fault_of_path(int code) noexcept {
  switch (code) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP:
    case ENAMETOOLONG:
    case EINVAL: return true;
    default: return false;
  }
}

/// Throws for a system call on `file` that failed with `code`: argument_error where the path is at fault, else
/// resource_error.
[[noreturn]] inline void throw_write_failure(std::filesystem::path const& file, std::string_view doing, int code) {
  std::string const text = file.string() + ": " + std::string(doing) +
                           " failed: " + std::error_code(code, std::generic_category()).message();
  if (is_fault_of_path(code)) throw argument_error(text + "; give a path in a folder that exists and can be written");
  if (code == ENOSPC || code == EDQUOT)
    throw resource_error(text + "; free some space and run again, nothing was left behind");
  throw resource_error(text);
}

}  // namespace scale
