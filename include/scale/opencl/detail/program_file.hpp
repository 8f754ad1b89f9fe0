// SPDX-License-Identifier: Apache-2.0
#pragma once
// Compiled programs on disk, one file each. An entry is used if its name, key and checksum fit, else it is as if it
// were not there; one that cannot be written costs the next process its time to compile, and nothing else.

#include <scale/core/error.hpp>
#include <scale/io/atomic_file.hpp>
#include <scale/io/mapped_file.hpp>
#include <scale/io/sha256.hpp>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace scale::opencl::detail {

/// Empty where the environment names none.
inline std::filesystem::path default_cache_folder() {
  char const* const cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && *cache != '\0') return std::filesystem::path(cache) / "scale" / "opencl";
  char const* const home = std::getenv("HOME");
  if (home != nullptr && *home != '\0') return std::filesystem::path(home) / ".cache" / "scale" / "opencl";
  return {};
}

/// The file of one program. `key` is all that the binary depends on.
class program_file {
 public:
  program_file(std::filesystem::path folder, std::string_view key)
      : folder_(std::move(folder)), key_(hash(std::as_bytes(std::span(key.data(), key.size())))) {}

  std::filesystem::path path() const { return folder_ / (key_ + ".program"); }

  std::optional<std::vector<unsigned char>> read() const {
    std::error_code none;
    if (!std::filesystem::is_regular_file(path(), none)) return std::nullopt;
    try {
      mapped_file const file(path());
      std::span<std::byte const> const bytes = file.bytes();
      if (bytes.size() < header_size) return std::nullopt;
      std::span<std::byte const> const content = bytes.subspan(header_size);
      std::string_view const header(reinterpret_cast<char const*>(bytes.data()), header_size);
      if (header != header_of(content)) return std::nullopt;
      auto const* const data = reinterpret_cast<unsigned char const*>(content.data());
      return std::vector<unsigned char>(data, data + content.size());
    } catch (error const&) {  // gone, or unreadable
      return std::nullopt;
    }
  }

  void write(std::span<unsigned char const> binary) const {
    try {
      std::filesystem::create_directories(folder_);
      std::span<std::byte const> const content = std::as_bytes(binary);
      atomic_file file(path());
      file.write(header_of(content));
      file.write(content);
      file.commit();
    } catch (error const&) {
    } catch (std::filesystem::filesystem_error const&) {
    }
  }

 private:
  static constexpr std::string_view magic = "scale opencl program 1\n";
  static constexpr std::size_t header_size = magic.size() + 2 * 65;

  static std::string hash(std::span<std::byte const> bytes) { return sha256_hex(bytes); }

  std::string header_of(std::span<std::byte const> content) const {
    return std::string(magic) + key_ + "\n" + hash(content) + "\n";
  }

  std::filesystem::path folder_;
  std::string key_;
};

}  // namespace scale::opencl::detail
