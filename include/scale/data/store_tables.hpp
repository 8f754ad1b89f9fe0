// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reading and checking a feature store's header and tables. Nothing of a file is used before its checksum was right.

#include <scale/data/store_format.hpp>
#include <scale/io/crc32c.hpp>
#include <scale/io/file_error.hpp>
#include <scale/io/json.hpp>
#include <scale/io/json_text.hpp>

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scale {

/// A video of a store. Texts borrow from the store.
struct store_record {
  std::string_view name;
  std::vector<std::string_view> columns;
  index_t row_begin = 0, rows = 0;
  std::int32_t label = -1;
  index_t width = 0, height = 0, frames = 0;
  double fps = 0;
  std::uint32_t crc = 0;
};

namespace detail::store {

struct tables {
  std::vector<store_record> records;
  nlohmann::json provenance;
  std::vector<std::string> columns, classes;
  std::vector<store_failure> failures;
};

/// All sections in the order of the file.
inline std::vector<section> sections_of(file_header const& h) {
  return {h.features, h.positions, h.raw, h.records, h.strings, h.description};
}

/// Header and the places of the sections.
inline file_header read_header(std::filesystem::path const& path, std::span<std::byte const> all) {
  file_header header;
  if (all.size() < sizeof(header))
    refuse_file(path, "not a feature store, or cut short: " + std::to_string(all.size()) + " bytes");
  std::memcpy(&header, all.data(), sizeof(header));
  if (std::memcmp(header.magic, magic, sizeof(magic)) != 0)
    refuse_file(path, "not a feature store: it lacks the magic");
  if (header.byte_order != byte_order_mark)
    refuse_file(path, "the feature store has another byte order, or is damaged");
  if (header.version != version)
    refuse_file(path, "feature store version: expected 1, found " + std::to_string(header.version));
  if (header.header_crc != crc32c(all.first(sizeof(header) - sizeof(header.header_crc))))
    refuse_file(path, "the header is damaged: its checksum differs");
  if (header.file_size != all.size())
    refuse_file(path, "expected " + std::to_string(header.file_size) + " bytes, found " + std::to_string(all.size()) +
                          ": cut short or grown");
  bool good = header.header_size == sizeof(header) && header.position_width == store_position_width &&
              (header.feature_type == type_f16 || header.feature_type == type_f32) && header.feature_width >= 1 &&
              header.feature_width <= (1u << 24) && header.rows >= header.videos;
  for (std::uint32_t const word : header.reserved) good = good && word == 0;
  std::uint64_t position = sizeof(header);
  for (section const& s : sections_of(header)) {
    good = good && s.begin == aligned(position) && s.begin <= all.size() && s.size <= all.size() - s.begin;
    position = s.begin + s.size;
  }
  std::uint64_t const width = header.feature_width * (header.feature_type == type_f16 ? 2u : 4u);
  good = good && position == all.size() && header.rows <= all.size() / width &&
         header.videos <= all.size() / sizeof(video_row) && header.features.size == header.rows * width &&
         header.positions.size == header.rows * store_position_width * 4 && header.raw.size == header.positions.size &&
         header.records.size == header.videos * sizeof(video_row) &&
         (header.clips == 0 || (header.clips <= header.rows && header.rows / header.clips == header.videos &&
                                header.rows % header.clips == 0));
  if (!good) refuse_file(path, "the header contradicts itself");
  return header;
}

/// Bytes between sections must be zero.
inline void check_gaps(std::filesystem::path const& path, std::span<std::byte const> all, file_header const& header) {
  std::uint64_t position = sizeof(header);
  for (section const& s : sections_of(header)) {
    for (; position < s.begin; ++position)
      if (all[static_cast<std::size_t>(position)] != std::byte{0})
        refuse_file(path, "byte " + std::to_string(position) + " between two sections is not zero: damaged");
    position = s.begin + s.size;
  }
}

inline std::vector<std::string> texts_of(std::filesystem::path const& path, nlohmann::json const& list) {
  if (!list.is_array()) refuse_file(path, "description: expected a list of texts");
  std::vector<std::string> out;
  for (nlohmann::json const& text : list) {
    if (!text.is_string()) refuse_file(path, "description: expected a list of texts");
    out.push_back(text.get<std::string>());
  }
  return out;
}

inline constexpr std::uint64_t max_index = std::uint64_t{1} << 62;

inline void read_description(std::filesystem::path const& path, std::string_view text, tables& out) {
  nlohmann::json const description = parse_json_list(text, path, "failures", [&](nlohmann::json const& failure) {
    if (!failure.is_object() || !failure.contains("reason") || !failure["reason"].is_string())
      refuse_file(path, "description: a failure lacks its reason");
    index_t const least = out.failures.empty() ? 0 : out.failures.back().index + 1;
    if (!failure.contains("index") || !failure["index"].is_number_unsigned() ||
        failure["index"].get<std::uint64_t>() > max_index || failure["index"].get<index_t>() < least)
      refuse_file(path, "description: a failure lacks its index, or indices do not ascend");
    out.failures.push_back(
        {exact_text(failure, "name", path), failure["reason"].get<std::string>(), failure["index"].get<index_t>()});
  });
  for (char const* key : {"provenance", "columns", "classes", "failures"})
    if (!description.is_object() || !description.contains(key))
      refuse_file(path, "description: '" + std::string(key) + "' is missing");
  out.provenance = description["provenance"];
  for (std::string_view const key : provenance_keys)
    if (!out.provenance.is_object() || !out.provenance.contains(key))
      refuse_file(path, "provenance: '" + std::string(key) + "' is missing");
  out.columns = texts_of(path, description["columns"]);
  out.classes = texts_of(path, description["classes"]);
  if (!description["failures"].is_array()) refuse_file(path, "description: expected a list of failures");
}

/// Takes one length and text from the front of `rest`.
inline std::string_view take_text(std::filesystem::path const& path, std::string_view& rest) {
  std::uint32_t length = 0;
  if (rest.size() < sizeof(length)) refuse_file(path, "a record's texts are cut short");
  std::memcpy(&length, rest.data(), sizeof(length));
  rest.remove_prefix(sizeof(length));
  if (length > rest.size()) refuse_file(path, "a record's texts are cut short");
  std::string_view const text = rest.substr(0, length);
  rest.remove_prefix(length);
  return text;
}

/// Checks the three tables' checksums and everything they say against each other.
inline tables read_tables(std::filesystem::path const& path, std::span<std::byte const> all,
                          file_header const& header) {
  auto const part = [&](section const& s, std::uint32_t crc, char const* what) {
    std::span<std::byte const> const bytes =
        all.subspan(static_cast<std::size_t>(s.begin), static_cast<std::size_t>(s.size));
    if (crc32c(bytes) != crc) refuse_file(path, std::string(what) + " are damaged: the checksum differs");
    return std::string_view(reinterpret_cast<char const*>(bytes.data()), bytes.size());
  };
  tables out;
  read_description(path, part(header.description, header.description_crc, "description and provenance"), out);
  std::string_view const rows = part(header.records, header.records_crc, "the videos' records");
  std::string_view strings = part(header.strings, header.strings_crc, "the videos' names");
  std::uint64_t row_begin = 0, strings_begin = 0;
  out.records.reserve(static_cast<std::size_t>(header.videos));
  for (std::uint64_t i = 0; i < header.videos; ++i) {
    video_row row;
    std::memcpy(&row, rows.data() + i * sizeof(row), sizeof(row));
    if (row.row_begin != row_begin || row.rows < 1 || row.rows > header.rows - row_begin ||
        (header.clips != 0 && row.rows != header.clips) || row.strings_begin != strings_begin ||
        row.strings_size > strings.size() || row.label < -1 ||
        row.label >= static_cast<std::int64_t>(out.classes.size()) || !std::isfinite(row.fps) ||
        row.frames > static_cast<std::uint64_t>((std::numeric_limits<index_t>::max)()) || row.reserved[0] != 0 ||
        row.reserved[1] != 0)
      refuse_file(path, "the record of video " + std::to_string(i) + " contradicts the rest");
    store_record record;
    std::string_view texts = strings.substr(0, row.strings_size);
    record.name = take_text(path, texts);
    for (std::size_t c = 0; c < out.columns.size(); ++c) record.columns.push_back(take_text(path, texts));
    if (!texts.empty()) refuse_file(path, "video " + std::to_string(i) + " has more texts than there are columns");
    strings.remove_prefix(row.strings_size);
    record.row_begin = static_cast<index_t>(row.row_begin);
    record.rows = static_cast<index_t>(row.rows);
    record.label = row.label;
    record.width = static_cast<index_t>(row.width);
    record.height = static_cast<index_t>(row.height);
    record.frames = static_cast<index_t>(row.frames);
    record.fps = row.fps;
    record.crc = row.crc;
    row_begin += row.rows;
    strings_begin += row.strings_size;
    out.records.push_back(std::move(record));
  }
  if (row_begin != header.rows || !strings.empty()) refuse_file(path, "the records do not cover the whole store");
  return out;
}

}  // namespace detail::store

}  // namespace scale
