// SPDX-License-Identifier: Apache-2.0
#pragma once
// Writing safetensors: the same bytes for the same input, whole or not at all.

#include <scale/io/atomic_file.hpp>
#include <scale/io/safetensors_checksums.hpp>
#include <scale/io/safetensors_header.hpp>
#include <scale/io/sha256.hpp>
#include <scale/io/stored_tensor.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace scale {

namespace detail {

inline std::string json_text(std::string const& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (nlohmann::json::exception const&) {
    throw argument_error("write_safetensors: '" + printable(text) + "' is not UTF-8");
  }
}

/// The header of such a file, padded with spaces so that data begin at a multiple of 8; without its length.
inline std::string safetensors_header_text(std::span<stored_tensor const> tensors,
                                           std::map<std::string, std::string> const& metadata) {
  std::string header = "{";
  auto const comma = [&] {
    if (header.size() > 1) header += ',';
  };
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (bool first = true; auto const& [key, value] : metadata) {
      if (!first) header += ',';
      first = false;
      header += json_text(key) + ":" + json_text(value);
    }
    header += '}';
  }
  std::set<std::string_view> names;
  std::uint64_t position = 0;
  for (stored_tensor const& t : tensors) {
    std::string const where = "tensor '" + printable(t.name) + "' ";
    bool clean = !t.name.empty() && t.name != "__metadata__";
    for (char const c : t.name) clean = clean && static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
    expect(clean, "write_safetensors", where + "has a name the format does not allow");
    expect(names.insert(t.name).second, "write_safetensors", where + "is given twice");
    std::optional<std::uint64_t> const bytes = stored_bytes(t.type, t.shape);
    expect(bytes && *bytes == t.bytes.size() && t.shape.size() <= safetensors_max_rank, "write_safetensors",
           where + "has " + std::to_string(t.bytes.size()) + " bytes, not those of shape " + shape_text(t.shape));
    comma();
    header += json_text(t.name) + ":{\"dtype\":\"" + std::string(name_of(t.type)) + "\",\"shape\":[";
    for (std::size_t axis = 0; axis < t.shape.size(); ++axis)
      header += (axis != 0 ? "," : "") + std::to_string(t.shape[axis]);
    header += "],\"data_offsets\":[" + std::to_string(position) + "," + std::to_string(position + *bytes) + "]}";
    position += *bytes;
  }
  header += '}';
  header.resize((header.size() + 7) / 8 * 8, ' ');
  expect(header.size() <= safetensors_max_header, "write_safetensors", "the header would exceed 100 MB");
  return header;
}

inline void write_safetensors_parts(std::filesystem::path const& path, std::string_view header,
                                    std::span<stored_tensor const> tensors) {
  atomic_file file(path);
  std::uint64_t const length = header.size();
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(header);
  for (stored_tensor const& t : tensors) file.write(t.bytes);
  file.commit();
}

}  // namespace detail

/// Metadata without the checksums of the file they came from.
inline std::map<std::string, std::string> without_checksums(std::map<std::string, std::string> metadata) {
  metadata.erase(detail::crc32c_key);
  metadata.erase(detail::sha256_key);
  return metadata;
}

/// Writes the tensors in the order given, data behind data without gaps. Metadata come in bytewise order of their keys.
/// Throws argument_error for what the format forbids (a name twice, empty or with control bytes; a shape that differs
/// from its bytes), else as atomic_file.
inline void write_safetensors(std::filesystem::path const& path, std::span<stored_tensor const> tensors,
                              std::map<std::string, std::string> const& metadata = {}) {
  expect(!detail::mentions_checksums(metadata), "write_safetensors",
         "metadata hold checksums of another file: leave them out, or use write_checksummed_safetensors");
  detail::write_safetensors_parts(path, detail::safetensors_header_text(tensors, metadata), tensors);
}

/// The same with checksums of blocks and of the whole file in the metadata (safetensors_checksums.hpp), which
/// safetensors_file checks when it opens the file. Reads the tensors' bytes three times.
inline void write_checksummed_safetensors(std::filesystem::path const& path, std::span<stored_tensor const> tensors,
                                          std::map<std::string, std::string> metadata) {
  detail::block_checksums blocks;
  for (stored_tensor const& t : tensors) blocks.update(t.bytes);
  metadata[detail::crc32c_key] = blocks.finish();
  metadata[detail::sha256_key] = std::string(detail::sha256_digits, '0');
  std::string header = detail::safetensors_header_text(tensors, metadata);
  sha256 hash;
  std::uint64_t const length = header.size();
  hash.update(std::as_bytes(std::span(&length, 1)));
  hash.update(std::as_bytes(std::span(header)));
  for (stored_tensor const& t : tensors) hash.update(t.bytes);
  header.replace(detail::find_sha256_digits(header), detail::sha256_digits, hex_text(hash.finish()));
  detail::write_safetensors_parts(path, header, tensors);
}

}  // namespace scale
