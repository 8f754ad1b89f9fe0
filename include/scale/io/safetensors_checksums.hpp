// SPDX-License-Identifier: Apache-2.0
#pragma once
// Checksums that a safetensors file holds of itself, in two texts of its metadata; for other readers it is a file like
// any other.
//
//   scale.crc32c    8 hexadecimal digits per block of 1 MiB of the data (the last one may be shorter): its CRC-32C
//   scale.sha256    64 digits: SHA-256 of the whole file with '0' in the place of these digits

#include <scale/io/crc32c.hpp>
#include <scale/io/file_error.hpp>
#include <scale/io/sha256.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace scale::detail {

inline constexpr char const* crc32c_key = "scale.crc32c";
inline constexpr char const* sha256_key = "scale.sha256";
inline constexpr std::size_t checksum_block = std::size_t{1} << 20;
inline constexpr std::size_t sha256_digits = 64;

/// The 8 digits of a block.
inline std::string crc_digits(std::uint32_t crc) {
  std::string text;
  for (int shift = 28; shift >= 0; shift -= 4) text += "0123456789abcdef"[(crc >> shift) & 15u];
  return text;
}

/// Gathers the text under crc32c_key from data that come in parts.
class block_checksums {
 public:
  void update(std::span<std::byte const> bytes) {
    while (!bytes.empty()) {
      std::size_t const part = (std::min)(bytes.size(), checksum_block - used_);
      crc_ = crc32c(bytes.first(part), crc_);
      used_ += part;
      bytes = bytes.subspan(part);
      if (used_ == checksum_block) end_block();
    }
  }

  std::string finish() {
    if (used_ != 0) end_block();
    return std::move(text_);
  }

 private:
  void end_block() {
    text_ += crc_digits(crc_);
    crc_ = 0;
    used_ = 0;
  }

  std::string text_;
  std::uint32_t crc_ = 0;
  std::size_t used_ = 0;
};

/// Where the digits of sha256_key begin in a file's header; npos where it has none. Quotes within a text are escaped,
/// so no other text of the header looks like it.
inline std::size_t find_sha256_digits(std::string_view header) {
  std::string const before = "\"" + std::string(sha256_key) + "\":\"";
  std::size_t const at = header.find(before);
  return at == std::string_view::npos ? at : at + before.size();
}

inline bool mentions_checksums(std::map<std::string, std::string> const& metadata) {
  return metadata.contains(crc32c_key) || metadata.contains(sha256_key);
}

/// Checks all of a file against the checksums it holds; `data_begin` is where its data begin. Reads it twice. Throws
/// input_error where anything differs, or where one of the two texts is missing.
inline void check_checksums(std::filesystem::path const& path, std::span<std::byte const> all, std::size_t data_begin,
                            std::map<std::string, std::string> const& metadata) {
  constexpr char const* advice = "; it is damaged, or was changed by another program: use a copy of it";
  auto const crcs = metadata.find(crc32c_key), whole = metadata.find(sha256_key);
  if (crcs == metadata.end() || whole == metadata.end())
    refuse_file(path, "metadata: expected both \"" + std::string(crc32c_key) + "\" and \"" + sha256_key +
                          "\", found one" + advice);
  std::string_view digits_of_blocks = crcs->second;
  for (std::size_t begin = data_begin; begin < all.size(); begin += checksum_block) {
    std::size_t const end = (std::min)(begin + checksum_block, all.size());
    if (!digits_of_blocks.starts_with(crc_digits(crc32c(all.subspan(begin, end - begin)))))
      refuse_file(path, "the checksum of bytes " + std::to_string(begin) + " to " + std::to_string(end) +
                            " differs from what the file says" + advice);
    digits_of_blocks.remove_prefix(8);
  }
  if (!digits_of_blocks.empty())
    refuse_file(path, "it has checksums of more data than there are" + std::string(advice));
  std::string_view const header(reinterpret_cast<char const*>(all.data()), data_begin);
  std::size_t const digits = find_sha256_digits(header);
  std::string actual;
  if (digits != std::string_view::npos && digits + sha256_digits <= header.size()) {
    sha256 hash;
    hash.update(all.first(digits));
    std::string const zeros(sha256_digits, '0');
    hash.update(std::as_bytes(std::span(zeros)));
    hash.update(all.subspan(digits + sha256_digits));
    actual = hex_text(hash.finish());
  }
  if (actual.empty() || actual != whole->second)
    refuse_file(path, "the SHA-256 of the file differs from what it says of itself" + std::string(advice));
}

}  // namespace scale::detail
