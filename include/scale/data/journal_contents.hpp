// SPDX-License-Identifier: Apache-2.0
#pragma once
// Looking into the journal of an extraction, without taking part in it.

#include <scale/core/shape.hpp>
#include <scale/data/journal_format.hpp>
#include <scale/io/crc32c.hpp>
#include <scale/io/file_error.hpp>
#include <scale/io/json.hpp>
#include <scale/io/mapped_file.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>

namespace scale {

/// What a journal holds.
struct journal_contents {
  nlohmann::json identity;             // of the extraction
  index_t videos = 0, failures = 0;    // with features, without
  std::uint64_t unfinished_bytes = 0;  // behind the last whole record
};

/// Looks into a journal, which may be in use, and changes nothing. Throws input_error where it is none, or was
/// interrupted before its first record.
inline journal_contents read_journal_contents(std::filesystem::path const& path) {
  namespace fmt = detail::journal;
  mapped_file const file(path);
  std::span<std::byte const> rest = file.bytes();
  fmt::file_header header;
  if (rest.size() < sizeof(header) || std::memcmp(rest.data(), fmt::magic, sizeof(fmt::magic)) != 0)
    refuse_file(path, "expected the journal of an extraction, found another kind of file, or only its beginning");
  std::memcpy(&header, rest.data(), sizeof(header));
  rest = rest.subspan(sizeof(header));
  if (header.version != fmt::version)
    refuse_file(path, "journal version: expected " + std::to_string(fmt::version) + ", found " +
                          std::to_string(header.version));
  if (header.header_crc != fmt::crc_of(header))
    refuse_file(path, "the journal's header is damaged: its checksum differs");
  if (header.identity_bytes > rest.size() || crc32c(rest.first(header.identity_bytes)) != header.identity_crc)
    refuse_file(path, "the journal is damaged, or only its beginning: it does not say what is extracted");
  journal_contents contents;
  contents.identity = parse_json({reinterpret_cast<char const*>(rest.data()), header.identity_bytes}, path);
  rest = rest.subspan(header.identity_bytes);
  fmt::record_header record;
  while (rest.size() >= sizeof(record)) {
    std::memcpy(&record, rest.data(), sizeof(record));
    std::span<std::byte const> const behind = rest.subspan(sizeof(record));
    if (!fmt::can_be_whole(record, behind.size()) ||
        crc32c(behind.first(static_cast<std::size_t>(record.bytes))) != record.crc)
      break;
    fmt::video_body body;
    std::memcpy(&body, behind.data(), sizeof(body));
    ++(body.failure_bytes == 0 ? contents.videos : contents.failures);
    rest = behind.subspan(static_cast<std::size_t>(record.bytes));
  }
  contents.unfinished_bytes = rest.size();
  return contents;
}

}  // namespace scale
