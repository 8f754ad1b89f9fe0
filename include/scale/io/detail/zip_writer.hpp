// SPDX-License-Identifier: Apache-2.0
#pragma once
// Writes a ZIP archive of stored entries whose contents begin at multiples of 64, as PyTorch has them. The same bytes
// for the same input: entries carry no time.

#include <scale/io/atomic_file.hpp>
#include <scale/io/zip_archive.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scale::detail {

enum class zip64_fields {
  where_needed,  // from 4 GiB and from 65 535 entries on
  everywhere,    // for tests, which have no 4 GiB
};

class zip_writer {
 public:
  static constexpr std::size_t alignment = 64;

  /// Appends to `file`, which must be empty and outlive it.
  explicit zip_writer(atomic_file& file, zip64_fields fields = zip64_fields::where_needed)
      : file_(file), always_(fields == zip64_fields::everywhere) {}

  /// `name` has at most 65 535 bytes. Reads the content twice: its checksum stands before it.
  void add(std::string const& name, std::span<std::byte const> content) {
    expect(name.size() <= 0xffffu, "zip_writer::add", "an entry's name has more than 65535 bytes");
    entry made{name, content.size(), file_.position(), zip_crc(content)};
    std::string extra;
    if (is_large(made.size)) {
      put(extra, 1, 2);
      put(extra, 16, 2);
      put(extra, made.size, 8);
      put(extra, made.size, 8);
    }
    std::uint64_t const front = made.begin + 30 + name.size() + extra.size() + 4;
    std::size_t const padding = static_cast<std::size_t>((alignment - front % alignment) % alignment);
    extra += "FB";
    put(extra, padding, 2);
    extra.append(padding, 'Z');
    std::string header;
    put(header, 0x04034b50, 4);
    put_common(header, made, is_large(made.size));
    put(header, name.size(), 2);
    put(header, extra.size(), 2);
    file_.write(header + name + extra);
    file_.write(content);
    entries_.push_back(std::move(made));
  }

  void add(std::string const& name, std::string_view content) {
    add(name, std::as_bytes(std::span(content.data(), content.size())));
  }

  /// Writes the directory; afterwards nothing can be added.
  void finish() {
    std::uint64_t const begin = file_.position();
    for (entry const& e : entries_) file_.write(directory_entry(e));
    std::uint64_t const end = file_.position();
    std::string text;
    bool const large = always_ || entries_.size() >= 0xffffu || is_large(begin) || is_large(end - begin);
    if (large) {
      put(text, 0x06064b50, 4);
      put(text, 44, 8);  // bytes that follow
      put(text, 45, 2);
      put(text, 45, 2);
      put(text, 0, 8);
      put(text, entries_.size(), 8);
      put(text, entries_.size(), 8);
      put(text, end - begin, 8);
      put(text, begin, 8);
      put(text, 0x07064b50, 4);
      put(text, 0, 4);
      put(text, end, 8);
      put(text, 1, 4);
    }
    put(text, 0x06054b50, 4);
    put(text, 0, 4);
    put(text, large ? 0xffffu : entries_.size(), 2);
    put(text, large ? 0xffffu : entries_.size(), 2);
    put(text, large ? 0xffffffffu : end - begin, 4);
    put(text, large ? 0xffffffffu : begin, 4);
    put(text, 0, 2);
    file_.write(text);
  }

 private:
  struct entry {
    std::string name;
    std::uint64_t size = 0, begin = 0;
    std::uint32_t crc = 0;
  };

  bool is_large(std::uint64_t value) const { return always_ || value >= 0xffffffffu; }

  static void put(std::string& to, std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) to += static_cast<char>((value >> (8 * i)) & 0xffu);
  }

  /// What local header and directory share: versions, flags, method, time, checksum, sizes.
  void put_common(std::string& to, entry const& e, bool large) const {
    put(to, large ? 45 : 20, 2);
    put(to, 0x0800, 2);  // names are UTF-8
    put(to, 0, 2);
    put(to, 0, 2);
    put(to, 0x0021, 2);  // 1980-01-01, the first day that zip knows
    put(to, e.crc, 4);
    put(to, is_large(e.size) ? 0xffffffffu : e.size, 4);
    put(to, is_large(e.size) ? 0xffffffffu : e.size, 4);
  }

  std::string directory_entry(entry const& e) const {
    std::string extra;
    if (is_large(e.size)) {
      put(extra, e.size, 8);
      put(extra, e.size, 8);
    }
    if (is_large(e.begin)) put(extra, e.begin, 8);
    std::string out;
    put(out, 0x02014b50, 4);
    put(out, 45, 2);
    put_common(out, e, !extra.empty());
    put(out, e.name.size(), 2);
    put(out, extra.empty() ? 0 : extra.size() + 4, 2);
    put(out, 0, 2);
    put(out, 0, 2);
    put(out, 0, 2);
    put(out, 0, 4);
    put(out, is_large(e.begin) ? 0xffffffffu : e.begin, 4);
    out += e.name;
    if (!extra.empty()) {
      put(out, 1, 2);
      put(out, extra.size(), 2);
    }
    return out + extra;
  }

  atomic_file& file_;
  bool always_;
  std::vector<entry> entries_;
};

}  // namespace scale::detail
