// SPDX-License-Identifier: Apache-2.0
#pragma once
// The header of a .npy file: a Python dictionary literal of three known keys, read by hand and never evaluated.

#include <scale/io/file_error.hpp>
#include <scale/io/stored_tensor.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scale::detail {

enum class npy_order { row_major, column_major };

struct npy_header {
  stored_type type = stored_type::f32;
  bool swap_bytes = false;
  npy_order order = npy_order::row_major;
  std::vector<index_t> shape;
  std::size_t data_begin = 0;
};

struct npy_type_row {
  std::string_view word;
  stored_type type;
};

inline constexpr npy_type_row npy_types[] = {
    {"b1", stored_type::boolean}, {"u1", stored_type::u8},  {"i1", stored_type::i8},  {"i2", stored_type::i16},
    {"u2", stored_type::u16},     {"f2", stored_type::f16}, {"i4", stored_type::i32}, {"u4", stored_type::u32},
    {"f4", stored_type::f32},     {"f8", stored_type::f64}, {"i8", stored_type::i64}, {"u8", stored_type::u64},
};

inline constexpr std::size_t npy_max_header = 65535;
inline constexpr std::size_t npy_max_rank = 64;

/// Reads tokens of the literal; every failure throws input_error.
class npy_literal {
 public:
  npy_literal(std::filesystem::path const& path, std::string_view text) : path_(path), text_(text) {}

  void parse(npy_header& out) {
    bool descr = false, order = false, shape = false;
    expect_char('{');
    while (!take('}')) {
      std::string_view const key = quoted();
      expect_char(':');
      if (key == "descr" && !descr) {
        descr = true;
        set_type(quoted(), out);
      } else if (key == "fortran_order" && !order) {
        order = true;
        out.order = truth_value() ? npy_order::column_major : npy_order::row_major;
      } else if (key == "shape" && !shape) {
        shape = true;
        out.shape = tuple();
      } else {
        refuse("unexpected key '" + printable(key) + "', or a second time");
      }
      if (!take(',')) {
        expect_char('}');
        break;
      }
    }
    if (!descr || !order || !shape) refuse("expected the keys descr, fortran_order and shape");
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    if (at_ + 1 != text_.size() || text_[at_] != '\n') refuse("expected spaces and a line end behind the dictionary");
  }

 private:
  [[noreturn]] void refuse(std::string const& what) const { refuse_file(path_, "npy header: " + what); }

  bool take(char c) {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void expect_char(char c) {
    if (!take(c)) refuse("expected '" + std::string(1, c) + "' at byte " + std::to_string(at_));
  }

  bool take_word(std::string_view word) {
    take_spaces();
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  void take_spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }

  std::string_view quoted() {
    take_spaces();
    char const quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') refuse("expected a quoted text at byte " + std::to_string(at_));
    std::size_t const end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) refuse("a text does not end");
    std::string_view const inside = text_.substr(at_ + 1, end - at_ - 1);
    if (inside.find('\\') != std::string_view::npos) refuse("unexpected escape in a text");
    at_ = end + 1;
    return inside;
  }

  bool truth_value() {
    if (take_word("True")) return true;
    if (!take_word("False")) refuse("fortran_order: expected True or False");
    return false;
  }

  std::vector<index_t> tuple() {
    std::vector<index_t> extents;
    expect_char('(');
    if (take(')')) return extents;
    for (;;) {
      if (extents.size() == npy_max_rank) refuse("shape has more than 64 extents");
      extents.push_back(number());
      bool const comma = take(',');
      if (take(')')) {
        if (extents.size() == 1 && !comma) refuse("shape: expected a tuple, found a number in brackets");
        return extents;
      }
      if (!comma) refuse("shape: expected ',' or ')' at byte " + std::to_string(at_));
    }
  }

  index_t number() {
    take_spaces();
    std::size_t const begin = at_;
    std::uint64_t value = 0;
    constexpr std::uint64_t limit = static_cast<std::uint64_t>((std::numeric_limits<index_t>::max)());
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      std::uint64_t const digit = static_cast<std::uint64_t>(text_[at_] - '0');
      if (value > (limit - digit) / 10) refuse("shape: an extent is above 2^63");
      value = value * 10 + digit;
    }
    if (at_ == begin || (text_[begin] == '0' && at_ > begin + 1)) refuse("shape: expected whole numbers from 0 up");
    return static_cast<index_t>(value);
  }

  void set_type(std::string_view descr, npy_header& out) const {
    if (descr.size() == 3 && (descr[0] == '<' || descr[0] == '>' || descr[0] == '|'))
      for (npy_type_row const& row : npy_types)
        if (descr.substr(1) == row.word && (descr[0] != '|' || size_of(row.type) == 1)) {
          out.type = row.type;
          out.swap_bytes = descr[0] == '>' && size_of(row.type) > 1;
          return;
        }
    refuse("descr: expected a number type such as '<f4', found '" + printable(descr) + "'");
  }

  std::filesystem::path const& path_;
  std::string_view text_;
  std::size_t at_ = 0;
};

/// Bytes before the data, from the first 12 bytes of a file of `file_size`. Throws input_error for another format or
/// version, and for a header that is longer than 65535 or the file.
inline std::uint64_t npy_header_size(std::filesystem::path const& path, std::span<std::byte const> front,
                                     std::uint64_t file_size) {
  std::string_view const text(reinterpret_cast<char const*>(front.data()), front.size());
  if (text.substr(0, 6) != "\x93NUMPY" || front.size() < 10)
    refuse_file(path, "not an npy file: it lacks the magic text");
  unsigned const major_number = std::to_integer<unsigned>(front[6]), minor_number = std::to_integer<unsigned>(front[7]);
  if (major_number < 1 || major_number > 3 || minor_number != 0)
    refuse_file(path, "npy version: expected 1.0, 2.0 or 3.0, found " + std::to_string(major_number) + "." +
                          std::to_string(minor_number));
  std::uint64_t const prefix = major_number == 1 ? 10 : 12;
  if (front.size() < prefix) refuse_file(path, "npy header is cut short");
  std::uint64_t const length = major_number == 1 ? load_unaligned<std::uint16_t>(front.data() + 8)
                                                 : load_unaligned<std::uint32_t>(front.data() + 8);
  if (length > npy_max_header || length > file_size - prefix)
    refuse_file(path,
                "npy header length " + std::to_string(length) + " is above 65535 or reaches behind the file's end");
  return prefix + length;
}

inline npy_header parse_npy_header(std::filesystem::path const& path, std::span<std::byte const> all) {
  npy_header header;
  header.data_begin = static_cast<std::size_t>(npy_header_size(path, all, all.size()));
  std::size_t const prefix = all[6] == std::byte{1} ? 10 : 12;
  std::string_view const text(reinterpret_cast<char const*>(all.data()), all.size());
  npy_literal(path, text.substr(prefix, header.data_begin - prefix)).parse(header);
  return header;
}

/// Magic, version 1.0 and header, padded so that data begin at a multiple of 64.
inline std::string npy_header_text(stored_type type, std::span<index_t const> extents) {
  std::string_view word;
  for (npy_type_row const& row : npy_types)
    if (row.type == type) word = row.word;
  expect(!word.empty(), "npy", "NumPy has no word for " + std::string(name_of(type)) + "; convert to F32 first");
  expect(extents.size() <= npy_max_rank, "npy", "more than 64 extents");
  std::string shape = "(";
  for (std::size_t axis = 0; axis < extents.size(); ++axis)
    shape += (axis != 0 ? ", " : "") + std::to_string(extents[axis]);
  shape += extents.size() == 1 ? ",)" : ")";
  std::string header = "{'descr': '" + std::string(size_of(type) == 1 ? "|" : "<") + std::string(word) +
                       "', 'fortran_order': False, 'shape': " + shape + ", }";
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 11, ' ');
  header += '\n';
  std::string out = "\x93NUMPY";
  out += '\1';
  out += '\0';
  out += static_cast<char>(header.size() & 0xffu);
  out += static_cast<char>(header.size() >> 8);
  return out + header;
}

}  // namespace scale::detail
