// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reading safetensors: strict, memory-mapped; nothing is copied before it is asked for.

#include <scale/io/mapped_file.hpp>
#include <scale/io/safetensors_checksums.hpp>
#include <scale/io/safetensors_header.hpp>
#include <scale/io/stored_tensor.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace scale {

/// An open file. Its tensors borrow from it, and stay where they are when it is moved.
class safetensors_file {
 public:
  /// Throws input_error, naming the file, for anything the format forbids: a header that is no JSON object, is over
  /// 100 MB or padded with anything but spaces; names that occur twice, are empty or hold control bytes; unknown
  /// types; shapes whose bytes differ from their range; ranges that overlap, leave holes or do not end with the file;
  /// a BOOL other than 0 and 1; checksums that the file holds of itself and that differ.
  explicit safetensors_file(std::filesystem::path const& path) : file_(path) {
    std::span<std::byte const> const all = file_.bytes();
    if (all.size() < 8) refuse_file(path, "not a safetensors file: " + std::to_string(all.size()) + " bytes");
    std::uint64_t const length = detail::load_unaligned<std::uint64_t>(all.data());
    if (length > detail::safetensors_max_header)
      refuse_file(path, "header length: expected at most 100000000, found " + std::to_string(length));
    if (length > all.size() - 8)
      refuse_file(path, "header length " + std::to_string(length) + " reaches behind the end of the file (" +
                            std::to_string(all.size()) + " bytes): cut short, or not a safetensors file");
    std::string_view const text(reinterpret_cast<char const*>(all.data()) + 8, static_cast<std::size_t>(length));
    detail::safetensors_header header = detail::parse_safetensors_header(path, text);
    metadata_ = std::move(header.metadata);
    place(header.entries, all.subspan(8 + static_cast<std::size_t>(length)));
    if (has_checksums()) detail::check_checksums(path, all, 8 + static_cast<std::size_t>(length), metadata_);
  }

  std::filesystem::path const& path() const noexcept { return file_.path(); }

  /// Whether the file was written with checksums; then all of it was right when it was opened.
  bool has_checksums() const { return detail::mentions_checksums(metadata_); }

  /// `__metadata__`; empty where the file has none.
  std::map<std::string, std::string> const& metadata() const noexcept { return metadata_; }

  /// All tensors, by name in bytewise order.
  std::vector<stored_tensor> const& tensors() const noexcept { return tensors_; }

  /// Null where the file has no such tensor. O(log n).
  stored_tensor const* find(std::string_view name) const {
    auto const at = std::lower_bound(tensors_.begin(), tensors_.end(), name,
                                     [](stored_tensor const& t, std::string_view n) { return t.name < n; });
    return at != tensors_.end() && at->name == name ? &*at : nullptr;
  }

  /// Throws input_error where the file has no such tensor.
  stored_tensor const& at(std::string_view name) const {
    stored_tensor const* const found = find(name);
    if (found == nullptr) refuse_file(path(), "tensor '" + printable(name) + "' is missing");
    return *found;
  }

  /// Elements of a tensor as T; see to_vector.
  template <class T>
  std::vector<T> read(std::string_view name) const {
    return to_vector<T>(at(name));
  }

 private:
  void place(std::vector<detail::safetensors_entry>& entries, std::span<std::byte const> data) {
    std::sort(entries.begin(), entries.end(),
              [](auto const& a, auto const& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
    std::uint64_t position = 0;
    tensors_.reserve(entries.size());
    for (detail::safetensors_entry& entry : entries) {
      auto const refuse = [&](std::string const& what) {
        refuse_file(path(), "tensor '" + printable(entry.name) + "': " + what);
      };
      if (entry.end < entry.begin) refuse("data_offsets run backwards");
      if (entry.begin != position)
        refuse("expected to begin at byte " + std::to_string(position) + " of the data, found " +
               std::to_string(entry.begin) + ": ranges overlap or leave a hole");
      if (entry.end > data.size())
        refuse("ends at byte " + std::to_string(entry.end) + ", the file has " + std::to_string(data.size()) +
               " bytes of data: cut short");
      std::optional<std::uint64_t> const expected = stored_bytes(entry.type, entry.shape);
      if (!expected) refuse("shape " + shape_text(entry.shape) + " overflows");
      if (*expected != entry.end - entry.begin)
        refuse("shape " + shape_text(entry.shape) + " of " + std::string(name_of(entry.type)) + " takes " +
               std::to_string(*expected) + " bytes, data_offsets give " + std::to_string(entry.end - entry.begin));
      std::span<std::byte const> const bytes =
          data.subspan(static_cast<std::size_t>(entry.begin), static_cast<std::size_t>(entry.end - entry.begin));
      if (entry.type == stored_type::boolean &&
          std::any_of(bytes.begin(), bytes.end(), [](std::byte b) { return b > std::byte{1}; }))
        refuse("a BOOL is neither 0 nor 1");
      position = entry.end;
      tensors_.push_back({std::move(entry.name), entry.type, std::move(entry.shape), bytes});
    }
    if (position != data.size())
      refuse_file(path(), std::to_string(data.size() - position) + " bytes behind the last tensor");
    std::sort(tensors_.begin(), tensors_.end(), [](auto const& a, auto const& b) { return a.name < b.name; });
    for (std::size_t i = 1; i < tensors_.size(); ++i)
      if (tensors_[i].name == tensors_[i - 1].name)
        refuse_file(path(), "tensor '" + printable(tensors_[i].name) + "' occurs twice");
  }

  mapped_file file_;
  std::map<std::string, std::string> metadata_;
  std::vector<stored_tensor> tensors_;
};

}  // namespace scale
