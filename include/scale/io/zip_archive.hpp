// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reading ZIP archives, strictly: stored and deflated entries, zip64. Source: PKWARE's APPNOTE 6.3.10. Needs zlib.

#include <scale/io/detail/utf8.hpp>
#include <scale/io/file_error.hpp>
#include <scale/io/stored_tensor.hpp>

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scale {

enum class zip_method { stored, deflated };

struct zip_entry {
  std::string_view name;
  zip_method method = zip_method::stored;
  std::uint64_t size = 0;             // of the content
  std::uint32_t crc = 0;              // CRC-32 of the content
  std::span<std::byte const> packed;  // as it lies in the file
  std::uint64_t begin = 0;            // of its header in the file
};

/// CRC-32 as zip has it.
inline std::uint32_t zip_crc(std::span<std::byte const> bytes, std::uint32_t previous = 0) {
  if (bytes.empty()) return previous;  // zlib takes a null pointer for a request to start anew
  return static_cast<std::uint32_t>(
      ::crc32_z(previous, reinterpret_cast<Bytef const*>(bytes.data()), static_cast<z_size_t>(bytes.size())));
}

/// The directory of an archive that lies in memory, which must outlive it. Names are in bytewise order.
class zip_archive {
 public:
  /// Throws input_error, naming `path`, for what is damaged, contradictory or not read: several disks, encryption,
  /// other methods than store and deflate, names twice or that leave the folder, entries that overlap or lie outside,
  /// local headers that differ from the directory, sizes that deflate cannot reach. Contents are not looked at.
  zip_archive(std::filesystem::path path, std::span<std::byte const> file) : path_(std::move(path)), file_(file) {
    directory const where = find_directory();
    std::uint64_t at = where.begin;
    // A directory entry takes 46 bytes and its name: the count is checked before memory follows it.
    if (where.entries > (where.end - where.begin) / 46) refuse("its directory is too short for its number of entries");
    entries_.reserve(static_cast<std::size_t>(where.entries));
    for (std::uint64_t i = 0; i < where.entries; ++i) at = read_entry(at, where);
    if (at != where.end) refuse("its directory holds more than its number of entries");
    check_order();
  }

  std::filesystem::path const& path() const noexcept { return path_; }
  std::vector<zip_entry> const& entries() const noexcept { return entries_; }

  /// Null where there is no such entry. O(log n).
  zip_entry const* find(std::string_view name) const {
    auto const at = std::lower_bound(entries_.begin(), entries_.end(), name,
                                     [](zip_entry const& e, std::string_view n) { return e.name < n; });
    return at != entries_.end() && at->name == name ? &*at : nullptr;
  }

  /// Whether the archive has checksums: not where all are 0, as PyTorch writes them when it is told to compute none.
  bool has_checksums() const noexcept { return has_checksums_; }

  /// Content of a stored entry, its CRC-32 checked where the archive has any. Throws input_error where it differs, or
  /// the entry is deflated.
  std::span<std::byte const> stored(zip_entry const& entry) const {
    if (entry.method != zip_method::stored)
      refuse_entry(entry, "expected stored content, as this kind of file has, found deflated");
    if (has_checksums_ && zip_crc(entry.packed) != entry.crc)
      refuse_entry(entry, "its CRC-32 is wrong: the file is damaged");
    return entry.packed;
  }

  [[noreturn]] void refuse_entry(zip_entry const& entry, std::string const& what) const {
    refuse("entry '" + printable(entry.name) + "': " + what);
  }

 private:
  struct directory {
    std::uint64_t begin = 0, end = 0, entries = 0;
  };

  static constexpr std::uint32_t full32 = 0xffffffffu;
  static constexpr std::uint32_t full16 = 0xffffu;

  [[noreturn]] void refuse(std::string const& what) const { refuse_file(path_, "zip archive: " + what); }

  template <class T>
  T load(std::uint64_t at) const {
    if (at > file_.size() || file_.size() - at < sizeof(T)) refuse("it is cut short");
    return detail::load_unaligned<T>(file_.data() + at);
  }

  std::uint64_t u16(std::uint64_t at) const { return load<std::uint16_t>(at); }
  std::uint64_t u32(std::uint64_t at) const { return load<std::uint32_t>(at); }
  std::uint64_t u64(std::uint64_t at) const { return load<std::uint64_t>(at); }

  std::string_view text(std::uint64_t at, std::uint64_t size) const {
    if (at > file_.size() || size > file_.size() - at) refuse("it is cut short");
    return {reinterpret_cast<char const*>(file_.data()) + at, static_cast<std::size_t>(size)};
  }

  directory find_directory() const {
    std::uint64_t const size = file_.size();
    if (size < 22) refuse("it is too short for one");
    std::uint64_t const lowest = size - 22 > full16 ? size - 22 - full16 : 0;
    for (std::uint64_t at = size - 22;; --at) {
      if (u32(at) == 0x06054b50u && at + 22 + u16(at + 20) == size) return read_end(at);
      if (at == lowest) refuse("it has no end record: it is cut short, or no zip file");
    }
  }

  directory read_end(std::uint64_t at) const {
    std::uint64_t const entries = u16(at + 10), bytes = u32(at + 12), begin = u32(at + 16);
    if (u16(at + 8) != entries) refuse("it is split over several disks");
    directory out{begin, begin + bytes, entries};
    std::uint64_t directory_end = at;
    bool const large = at >= 20 && u32(at - 20) == 0x07064b50u;
    if (large) {
      std::uint64_t const record = u64(at - 20 + 8);
      if (record > at - 20 || at - 20 - record < 56 || u32(record) != 0x06064b50u)
        refuse("its zip64 end record is missing");
      std::uint64_t const record_size = u64(record + 4);
      if (record_size != at - 20 - record - 12) refuse("its zip64 end record has a wrong length");
      if (u32(record + 16) != 0 || u32(record + 20) != 0 || u64(record + 24) != u64(record + 32))
        refuse("it is split over several disks");
      out.entries = u64(record + 32);
      out.begin = u64(record + 48);
      if (__builtin_add_overflow(out.begin, u64(record + 40), &out.end)) refuse("its directory lies outside");
      if ((entries != full16 && entries != out.entries) || (begin != full32 && begin != out.begin) ||
          (bytes != full32 && bytes != out.end - out.begin))
        refuse("its two end records differ");
      directory_end = record;
    } else if (entries == full16 || bytes == full32 || begin == full32) {
      refuse("its end record refers to a zip64 record that is not there");
    } else if (u16(at + 4) != 0 || u16(at + 6) != 0) {
      refuse("it is split over several disks");
    }
    if (out.end != directory_end || out.begin > out.end)
      refuse(
          "its directory does not lie where its end record says: the file is damaged, or something stands before it");
    return out;
  }

  /// Sizes and offset of 64 bits, for those that the 32-bit fields leave open.
  void read_zip64(std::uint64_t at, std::uint64_t size, std::initializer_list<std::uint64_t*> fields) const {
    bool open = false;
    for (std::uint64_t const* const field : fields) open = open || *field == full32;
    if (!open) return;
    for (std::uint64_t const end = at + size; at + 4 <= end;) {
      std::uint64_t const length = u16(at + 2);
      if (length > end - at - 4) refuse("an extra field is longer than its place");
      if (u16(at) == 1) {
        std::uint64_t from = at + 4;
        for (std::uint64_t* const field : fields) {
          if (*field != full32) continue;
          if (from + 8 > at + 4 + length) refuse("a zip64 field is too short");
          *field = u64(from);
          from += 8;
        }
        return;
      }
      at += 4 + length;
    }
    refuse("a zip64 field is missing");
  }

  std::uint64_t read_entry(std::uint64_t at, directory const& where) {
    if (where.end - at < 46 || u32(at) != 0x02014b50u) refuse("its directory is damaged");
    std::uint64_t const name_size = u16(at + 28), extra_size = u16(at + 30), comment_size = u16(at + 32);
    std::uint64_t const next = at + 46 + name_size + extra_size + comment_size;
    if (next > where.end) refuse("its directory is cut short");
    zip_entry entry;
    entry.name = text(at + 46, name_size);
    check_name(entry.name);
    std::uint64_t const flags = u16(at + 8), method = u16(at + 10);
    std::uint64_t packed = u32(at + 20), size = u32(at + 24), begin = u32(at + 42);
    read_zip64(at + 46 + name_size, extra_size, {&size, &packed, &begin});
    if ((flags & 0x2061u) != 0) refuse_entry(entry, "it is encrypted or a patch");
    if (method != 0 && method != 8)
      refuse_entry(entry, "expected method 0 or 8, stored or deflated, found " + std::to_string(method));
    if (u16(at + 34) != 0 && u16(at + 34) != full16) refuse("it is split over several disks");
    entry.method = method == 0 ? zip_method::stored : zip_method::deflated;
    entry.size = size;
    entry.crc = load<std::uint32_t>(at + 16);
    entry.begin = begin;
    if (entry.method == zip_method::stored && packed != size) refuse_entry(entry, "stored, yet of two sizes");
    // Deflate's longest match, 258 bytes, takes at least two bits.
    if (entry.method == zip_method::deflated && size / 1032 > packed)
      refuse_entry(entry, "its directory says " + std::to_string(size) + " bytes, more than " + std::to_string(packed) +
                              " bytes can inflate to");
    entry.packed = locate(entry, flags, packed, where);
    has_checksums_ = has_checksums_ || entry.crc != 0;
    entries_.push_back(entry);
    return next;
  }

  /// The packed bytes, behind a local header that agrees with the directory.
  std::span<std::byte const> locate(zip_entry const& entry, std::uint64_t flags, std::uint64_t packed_size,
                                    directory const& where) const {
    std::uint64_t const at = entry.begin;
    if (at > where.begin || where.begin - at < 30 || u32(at) != 0x04034b50u)
      refuse_entry(entry, "its header is not where the directory says");
    std::uint64_t const name_size = u16(at + 26), extra_size = u16(at + 28);
    std::uint64_t const data = at + 30 + name_size + extra_size;
    if (data > where.begin || packed_size > where.begin - data)
      refuse_entry(entry, std::to_string(packed_size) + " bytes reach behind the archive's content");
    if (text(at + 30, name_size) != entry.name || u16(at + 8) != (entry.method == zip_method::stored ? 0 : 8) ||
        ((u16(at + 6) ^ flags) & 9u) != 0)
      refuse_entry(entry, "its header differs from the directory");
    std::uint64_t size = u32(at + 22), packed = u32(at + 18);
    std::uint32_t const crc = load<std::uint32_t>(at + 14);
    bool const streamed = (flags & 8u) != 0;  // sizes follow the data; those of the directory count
    bool const blank = streamed && crc == 0 && (size == 0 || size == full32) && (packed == 0 || packed == full32);
    if (!blank) {
      read_zip64(at + 30 + name_size, extra_size, {&size, &packed});
      if (size != entry.size || packed != packed_size || crc != entry.crc)
        refuse_entry(entry, "its header differs from the directory");
    }
    return file_.subspan(static_cast<std::size_t>(data), static_cast<std::size_t>(packed_size));
  }

  void check_name(std::string_view name) const {
    bool bad = name.empty() || name.front() == '/' || !detail::is_valid_utf8(name);
    for (char const c : name) bad = bad || static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\';
    for (std::string_view rest = name; !bad && !rest.empty();) {
      std::string_view const part = rest.substr(0, rest.find('/'));
      bad = part == ".." || part == "." || part.empty();
      rest.remove_prefix((std::min)(part.size() + 1, rest.size()));
    }
    if (bad) refuse("entry '" + printable(name) + "': a name that is no relative path inside the archive");
  }

  void check_order() {
    std::sort(entries_.begin(), entries_.end(), [](auto const& a, auto const& b) { return a.begin < b.begin; });
    for (std::size_t i = 1; i < entries_.size(); ++i) {
      zip_entry const& before = entries_[i - 1];
      std::uint64_t const end = static_cast<std::uint64_t>(before.packed.data() - file_.data()) + before.packed.size();
      if (entries_[i].begin < end) refuse_entry(entries_[i], "it overlaps '" + printable(before.name) + "'");
    }
    std::sort(entries_.begin(), entries_.end(), [](auto const& a, auto const& b) { return a.name < b.name; });
    for (std::size_t i = 1; i < entries_.size(); ++i)
      if (entries_[i].name == entries_[i - 1].name) refuse_entry(entries_[i], "the name occurs twice");
  }

  std::filesystem::path path_;
  std::span<std::byte const> file_;
  std::vector<zip_entry> entries_;
  bool has_checksums_ = false;
};

}  // namespace scale
