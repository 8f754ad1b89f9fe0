// SPDX-License-Identifier: Apache-2.0
#pragma once
// The format of an extraction's journal, version 2: what lies where.
//
//   header     24 bytes: magic, version, bytes and CRC-32C of the identity, CRC-32C of these; then the identity, JSON
//   records    each 16 bytes (mark, CRC-32C and bytes of its body), then its body: video_body, the reason of a failure,
//              features [V, D], positions [V, 7], raw positions [V, 7] in f32
//
// Everything little-endian. Records are appended; one that is not whole ends the journal, and what follows is cut off.

#include <scale/io/crc32c.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>

namespace scale {

namespace detail::journal {

inline constexpr char magic[8] = {'\x89', 'S', 'C', 'X', 'J', '\r', '\n', '\x1a'};
inline constexpr std::uint32_t version = 2, record_mark = 0x44524356;

struct file_header {
  char magic[8] = {};
  std::uint32_t version = 0, identity_bytes = 0, identity_crc = 0, header_crc = 0;
};
static_assert(sizeof(file_header) == 24);

inline std::uint32_t crc_of(file_header const& header) {
  return crc32c(std::as_bytes(std::span(&header, 1)).first(sizeof(header) - sizeof(header.header_crc)));
}

struct record_header {
  std::uint32_t mark = 0, crc = 0;
  std::uint64_t bytes = 0;
};
static_assert(sizeof(record_header) == 16);

struct video_body {
  std::uint64_t index = 0, file_bytes = 0;
  std::int64_t file_time = 0;
  std::uint64_t frames = 0;
  double fps = 0;
  std::uint32_t width = 0, height = 0, clips = 0, failure_bytes = 0;
};
static_assert(sizeof(video_body) == 56);

/// Whether a record that begins so can be whole, with `rest` bytes behind its header.
constexpr bool can_be_whole(record_header const& header, std::uint64_t rest) noexcept {
  return header.mark == record_mark && header.bytes <= rest && header.bytes >= sizeof(video_body);
}

}  // namespace detail::journal

/// Whether a file begins as journals of extractions do.
inline bool is_extraction_journal(std::filesystem::path const& path) {
  std::ifstream in(path, std::ios::binary);
  char head[sizeof(detail::journal::magic)] = {};
  in.read(head, sizeof(head));
  return std::equal(head, head + in.gcount(), detail::journal::magic);  // begun, and perhaps not got far
}

}  // namespace scale
