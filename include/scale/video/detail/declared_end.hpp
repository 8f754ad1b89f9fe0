// SPDX-License-Identifier: Apache-2.0
#pragma once
// How far a container says it reaches, from its outermost sizes. FFmpeg ends quietly where some containers stop short;
// a file shorter than it declares was cut.

#include <scale/video/detail/video_file.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace scale::video::detail {

/// Reads outermost headers of a file, one after the other.
class declared_end {
 public:
  explicit declared_end(video_file const& file) : file_(file) {}

  /// The end named by MP4 boxes, a RIFF header or a Matroska segment; 0 for other containers and where none is named.
  std::int64_t find() {
    unsigned char head[8];
    if (!read(0, head, 8)) return 0;
    auto const is = [&](std::size_t at, std::string_view tag) { return std::memcmp(head + at, tag.data(), 4) == 0; };
    if (is(0, "RIFF")) {
      // Size 0 was never filled in, by a writer that could not seek; nothing is known then.
      std::int64_t const size = little_endian(head + 4);
      return size != 0 ? size + 8 : 0;
    }
    if (is(4, "ftyp") || is(4, "moov") || is(4, "mdat") || is(4, "wide")) return boxes();
    if (is(0, "\x1A\x45\xDF\xA3")) return segment();
    return 0;
  }

 private:
  bool read(std::int64_t at, unsigned char* to, int n) const {
    return file_.read(at, to, static_cast<std::size_t>(n)) == n;
  }

  static std::int64_t little_endian(unsigned char const* p) {
    return p[0] | p[1] << 8 | p[2] << 16 | static_cast<std::int64_t>(p[3]) << 24;
  }

  static std::int64_t big_endian(unsigned char const* p, int n) {
    std::uint64_t value = 0;
    for (int i = 0; i < n; ++i) value = value << 8 | p[i];
    return static_cast<std::int64_t>((std::min)(value, std::uint64_t{1} << 62));
  }

  /// Whether a name is that of an outermost MP4 or QuickTime box.
  static bool is_box(unsigned char const* name) {
    constexpr std::string_view names =
        "ftyp styp moov moof mdat free skip wide pnot uuid meta mfra sidx ssix prft emsg pdin udta junk PICT ";
    for (std::size_t i = 0; i < names.size(); i += 5)
      if (std::memcmp(name, names.data() + i, 4) == 0) return true;
    return false;
  }

  std::int64_t boxes() {
    std::int64_t at = 0;
    unsigned char head[16];
    for (int count = 0; count < 4096 && at + 8 <= file_.bytes() && read(at, head, 8); ++count) {
      std::int64_t size = big_endian(head, 4);
      if (!is_box(head + 4)) return at;     // something put behind the last box, as music players put tags
      if (size == 0) return file_.bytes();  // to the end of the file
      if (size == 1) {
        if (!read(at, head, 16)) return at + 16;
        size = big_endian(head + 8, 8);
      }
      if (size < 8 || size > (std::int64_t{1} << 61)) return 0;  // no chain of boxes
      at += size;
    }
    return at;
  }

  /// An EBML number of `length` bytes without its length mark; -1 where all its bits are 1: unknown.
  std::int64_t variable_number(std::int64_t at, int& length) {
    unsigned char byte[8];
    if (!read(at, byte, 1) || byte[0] == 0) return -1;
    length = 1;
    while ((byte[0] & (0x80 >> (length - 1))) == 0) ++length;
    if (!read(at, byte, length)) return -1;
    byte[0] = static_cast<unsigned char>(byte[0] & (0xFF >> length));
    std::int64_t const value = big_endian(byte, length);
    return value == (std::int64_t{1} << (7 * length)) - 1 ? -1 : value;
  }

  std::int64_t segment() {
    int length = 0;
    std::int64_t const header = variable_number(4, length);
    if (header < 0) return 0;
    std::int64_t const at = 4 + length + header;
    unsigned char id[4];
    if (!read(at, id, 4) || std::memcmp(id, "\x18\x53\x80\x67", 4) != 0) return 0;
    std::int64_t const size = variable_number(at + 4, length);
    return size < 0 ? 0 : at + 4 + length + size;
  }

  video_file const& file_;
};

}  // namespace scale::video::detail
