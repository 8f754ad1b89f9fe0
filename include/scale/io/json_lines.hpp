// SPDX-License-Identifier: Apache-2.0
#pragma once
// JSON lines: one object per line, appended as a run goes on, readable at any moment.

#include <scale/io/file_error.hpp>
#include <scale/io/json.hpp>
#include <scale/io/mapped_file.hpp>
#include <scale/io/open_file.hpp>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace scale {

enum class json_lines_mode {
  replace,  // begin anew
  append,   // go on behind the last whole line; the torn rest of an interrupted line is removed first
};

namespace detail {

inline bool is_json_object(std::string_view text) {
  return text.starts_with('{') && nlohmann::json::accept(text.begin(), text.end());
}

/// Bytes of `text` that appending keeps: all but a torn last line. Throws input_error where it is not JSON lines.
inline std::size_t whole_json_lines(std::string_view text, std::filesystem::path const& file) {
  std::size_t const end = text.rfind('\n'), whole = end == std::string_view::npos ? 0 : end + 1;
  std::string_view const first = text.substr(0, text.find('\n')), rest = text.substr(whole);
  bool const begun_well = whole == 0 || is_json_object(first);
  bool const torn = rest.starts_with('{') && !is_json_object(rest);
  if (!begun_well || !(rest.empty() || torn))
    refuse_file(file, "expected JSON lines to append to, found another kind of file; give another path");
  return whole;
}

}  // namespace detail

/// Every write is one system call: a reader, or a crash of this process, never sees half of a line.
class json_lines_writer {
 public:
  /// Throws, with the file untouched, argument_error where the place cannot be written, and input_error where lines are
  /// to be appended to something else than JSON lines.
  explicit json_lines_writer(std::filesystem::path path, json_lines_mode mode = json_lines_mode::append)
      : path_(std::move(path)) {
    int const flags = O_WRONLY | O_CREAT | O_APPEND | (mode == json_lines_mode::replace ? O_TRUNC : 0);
    std::size_t whole = 0, size = 0;
    if (std::error_code ignored; mode == json_lines_mode::append && std::filesystem::exists(path_, ignored)) {
      mapped_file const before(path_);
      size = before.size();
      whole = detail::whole_json_lines({reinterpret_cast<char const*>(before.bytes().data()), size}, path_);
    }
    descriptor_ = detail::open_file(path_.c_str(), flags, 0666);
    if (descriptor_ < 0) throw_write_failure(path_, "opening", errno);
    if (whole != size && ::ftruncate(descriptor_, static_cast<::off_t>(whole)) != 0) {
      int const code = errno;
      ::close(descriptor_);
      throw_write_failure(path_, "removing a torn last line", code);
    }
  }

  json_lines_writer(json_lines_writer&& other) noexcept
      : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

  json_lines_writer& operator=(json_lines_writer&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }

  ~json_lines_writer() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  /// Appends `object` as one line and hands it to the system.
  void write(nlohmann::json const& object) {
    std::string const line = json_line(object) + "\n";
    std::string_view rest = line;
    while (!rest.empty()) {
      ::ssize_t const written = ::write(descriptor_, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) throw_write_failure(path_, "writing", written == 0 ? ENOSPC : errno);
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  /// Brings what was written to disk.
  void synchronise() {
    bool const good = detail::repeat_interrupted([this] { return ::fdatasync(descriptor_); }) == 0;
    if (!good && errno != EINVAL) throw_write_failure(path_, "synchronising", errno);  // EINVAL: a pipe or device
  }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

/// Calls each(object) for every line of a file; one line at a time takes memory. Throws input_error, with the line's
/// number, where one is not a JSON object or is torn.
template <class Each>
void for_each_json_line(std::filesystem::path const& path, Each&& each) {
  mapped_file const file(path);
  std::string_view text(reinterpret_cast<char const*>(file.bytes().data()), file.size());
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::string const place = path.string() + ", line " + std::to_string(number);
    std::size_t const end = text.find('\n');
    if (end == std::string_view::npos) refuse_file(place, "the last line does not end: an interrupted write");
    nlohmann::json line = parse_json(text.substr(0, end), place);
    if (!line.is_object()) refuse_file(place, "expected a JSON object");
    each(std::move(line));
    text.remove_prefix(end + 1);
  }
}

/// All lines of a file, which together are bounded as one JSON text: for files that are not long.
inline std::vector<nlohmann::json> read_json_lines(std::filesystem::path const& path) {
  {
    mapped_file const file(path);
    detail::json_bounds({reinterpret_cast<char const*>(file.bytes().data()), file.size()}, path, nullptr).check();
  }
  std::vector<nlohmann::json> lines;
  for_each_json_line(path, [&](nlohmann::json line) { lines.push_back(std::move(line)); });
  return lines;
}

}  // namespace scale
