// SPDX-License-Identifier: Apache-2.0
#pragma once
// CSV as RFC 4180 has it: quoted fields may hold separators, line ends and doubled quotes.

#include <scale/io/file_error.hpp>
#include <scale/io/mapped_file.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scale {

struct csv_row {
  std::size_t line = 0;  // where it begins, counted from 1
  std::vector<std::string> fields;
};

struct csv_table {
  std::vector<std::string> header;  // empty where the file has none
  std::vector<csv_row> rows;        // each as long as the header, or as the first row

  std::optional<std::size_t> find_column(std::string_view name) const {
    auto const at = std::find(header.begin(), header.end(), name);
    if (at == header.end()) return std::nullopt;
    return static_cast<std::size_t>(at - header.begin());
  }
};

enum class csv_header { first_line, none };

namespace detail {

class csv_parser {
 public:
  csv_parser(std::filesystem::path const& path, std::string_view text, char separator)
      : path_(path), text_(text), content_end_(text.find_last_not_of("\r\n") + 1), separator_(separator) {}

  bool at_end() const { return at_ == text_.size(); }
  bool only_line_ends_left() const { return at_ >= content_end_; }

  csv_row row() {
    csv_row out;
    out.line = line_;
    do {
      if (out.fields.size() == max_fields) refuse("more than 4096 fields");
      out.fields.push_back(!at_end() && text_[at_] == '"' ? quoted() : plain());
    } while (take(separator_));
    if (take('\r') && (at_end() || text_[at_] != '\n')) refuse("a carriage return without line feed");
    if (!take('\n') && !at_end()) refuse("expected a separator or line end behind a closing quote");
    ++line_;
    return out;
  }

  [[noreturn]] void refuse(std::string const& what) const { refuse_at(line_, what); }
  [[noreturn]] void refuse_at(std::size_t line, std::string const& what) const {
    refuse_file(path_, "line " + std::to_string(line) + ": " + what);
  }

 private:
  static constexpr std::size_t max_fields = 4096;

  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string plain() {
    std::size_t const begin = at_;
    for (; !at_end() && text_[at_] != separator_ && text_[at_] != '\n' && text_[at_] != '\r'; ++at_)
      if (text_[at_] == '"') refuse("a quote inside an unquoted field; quote the field and double the quote");
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string quoted() {
    std::size_t const first_line = line_;
    std::string out;
    for (++at_;; ++at_) {
      if (at_end()) refuse_at(first_line, "a quoted field does not end");
      if (text_[at_] == '"') {
        ++at_;
        if (at_end() || text_[at_] != '"') return out;
      }
      if (text_[at_] == '\n') ++line_;
      out += text_[at_];
    }
  }

  std::filesystem::path const& path_;
  std::string_view text_;
  std::size_t content_end_;  // behind it are line ends alone; 0 where there is nothing else
  char separator_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

}  // namespace detail

/// Reads all rows as texts. A UTF-8 byte order mark is dropped, empty lines at the very end are allowed. Throws
/// input_error with file and line for anything else out of form: rows of another length than the first, stray quotes,
/// zero bytes, a header name that is empty or occurs twice, more than 4096 fields.
inline csv_table read_csv(std::filesystem::path const& path, csv_header header = csv_header::first_line,
                          char separator = ',') {
  mapped_file const file(path);
  std::string_view text(reinterpret_cast<char const*>(file.bytes().data()), file.size());
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  if (std::size_t const zero = text.find('\0'); zero != std::string_view::npos)
    refuse_file(path, "byte " + std::to_string(zero) + " is zero: this is not a text file");
  detail::csv_parser parser(path, text, separator);
  if (parser.only_line_ends_left()) refuse_file(path, "the file is empty");
  csv_table table;
  if (header == csv_header::first_line) {
    table.header = parser.row().fields;
    std::set<std::string> names;
    for (std::string const& name : table.header) {
      if (name.empty()) parser.refuse_at(1, "a column has no name");
      if (!names.insert(name).second) parser.refuse_at(1, "column '" + printable(name) + "' occurs twice");
    }
  }
  while (!parser.only_line_ends_left()) {
    csv_row row = parser.row();
    std::size_t const expected = !table.header.empty() ? table.header.size()
                                 : !table.rows.empty() ? table.rows.front().fields.size()
                                                       : row.fields.size();
    if (row.fields.size() != expected)
      parser.refuse_at(row.line,
                       "expected " + std::to_string(expected) + " fields, found " + std::to_string(row.fields.size()));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace scale
