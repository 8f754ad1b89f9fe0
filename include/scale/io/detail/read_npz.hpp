// SPDX-License-Identifier: Apache-2.0
#pragma once
// NumPy's .npz: a zip archive of <name>.npy, stored or deflated.

#include <scale/io/detail/npy_array.hpp>
#include <scale/io/detail/weights_content.hpp>
#include <scale/io/npy_header.hpp>
#include <scale/io/zip_archive.hpp>
#include <scale/io/zip_inflater.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scale::detail {

inline bool is_npz(zip_archive const& archive) {
  return std::all_of(archive.entries().begin(), archive.entries().end(),
                     [](zip_entry const& entry) { return entry.name.ends_with(".npy"); });
}

/// The array of one deflated entry. Its header is inflated first, and says how much memory the rest takes.
inline stored_tensor inflate_npy(weights_content& content, zip_archive const& archive, zip_entry const& entry,
                                 std::filesystem::path const& where) {
  zip_inflater inflater(archive, entry);
  std::vector<std::byte> head;
  auto const extend_to = [&](std::uint64_t size) {
    std::size_t const before = head.size();
    if (size <= before) return;
    head.resize(static_cast<std::size_t>((std::min)(size, entry.size)));
    inflater.read(std::span(head).subspan(before));
  };
  extend_to(12);
  extend_to(npy_header_size(where, head, entry.size));
  npy_header const header = parse_npy_header(where, head);
  std::optional<std::uint64_t> const expected = stored_bytes(header.type, header.shape);
  if (!expected || *expected != entry.size - header.data_begin)
    refuse_file(where, "shape " + shape_text(header.shape) + " of " + std::string(name_of(header.type)) +
                           " does not take the " + std::to_string(entry.size - header.data_begin) +
                           " bytes that the archive's directory gives it");
  std::vector<std::byte> data(static_cast<std::size_t>(*expected));
  std::span<std::byte> rest(data);
  inflater.read(rest);
  inflater.expect_end();
  stored_tensor out{std::string(), header.type, header.shape, {}};
  out.bytes = content.copies.keep(is_reordered(header) ? row_major_copy(header, data) : std::move(data));
  expect_npy_data(where, out);
  return out;
}

/// Throws input_error for entries that are no .npy, and what npy_file refuses.
inline void read_npz(weights_content& content, zip_archive const& archive) {
  for (zip_entry const& entry : archive.entries()) {
    std::filesystem::path const where = archive.path() / std::filesystem::path(entry.name);
    stored_tensor tensor;
    if (entry.method == zip_method::deflated) {
      tensor = inflate_npy(content, archive, entry, where);
    } else {
      std::span<std::byte const> const all = archive.stored(entry);
      npy_header const header = parse_npy_header(where, all);
      std::span<std::byte const> const data = all.subspan(header.data_begin);
      tensor = {std::string(), header.type, header.shape, data};
      expect_npy_data(where, tensor);
      if (is_reordered(header)) tensor.bytes = content.copies.keep(row_major_copy(header, data));
    }
    tensor.name = std::string(entry.name.substr(0, entry.name.size() - 4));
    std::size_t const key_size = tensor.name.size();
    content.add("", key_size, std::move(tensor));
  }
}

}  // namespace scale::detail
