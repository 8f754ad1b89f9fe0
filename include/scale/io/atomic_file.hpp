// SPDX-License-Identifier: Apache-2.0
#pragma once
// A file that appears whole or not at all: written under a temporary name, synchronised, then renamed into place.

#include <scale/io/file_error.hpp>
#include <scale/io/open_file.hpp>
#include <scale/io/temporary_file.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace scale {

/// Writes `path` through a temporary file in the same folder. Readers see what was there before until commit() has
/// renamed it; without commit() it is removed by the destructor, after a crash by whoever writes `path` next. A
/// symbolic link to a file is replaced. Throws argument_error, at once, where the folder cannot be written or something
/// else than a file has the name; resource_error where disk or descriptors run out.
class atomic_file {
 public:
  explicit atomic_file(std::filesystem::path path) : path_(expect_file_name(std::move(path))), file_(path_) {}

  atomic_file(atomic_file const&) = delete;
  atomic_file& operator=(atomic_file const&) = delete;

  /// Appends.
  void write(std::span<std::byte const> bytes) {
    expect(!committed_, "atomic_file::write", "the file was committed before");
    if (buffer_.size() + bytes.size() > buffer_size) flush();
    if (bytes.size() >= buffer_size) {
      write_at(position_, bytes);
    } else {
      buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    }
    position_ += bytes.size();
  }

  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

  /// Appends zeros until the position is a multiple of `alignment`, at most 4096.
  void pad_to(std::size_t alignment) {
    static constexpr std::byte zeros[4096] = {};
    expect(alignment >= 1 && alignment <= sizeof(zeros), "atomic_file::pad_to", "alignment must be in [1, 4096]");
    std::size_t const used = static_cast<std::size_t>(position_ % alignment);
    if (used != 0) write(std::span(zeros).first(alignment - used));
  }

  /// Overwrites bytes written before, such as a header whose content is known only in the end.
  void overwrite(std::uint64_t offset, std::span<std::byte const> bytes) {
    expect(offset <= position_ && bytes.size() <= position_ - offset, "atomic_file::overwrite",
           "the range lies behind what was written");
    flush();
    write_at(offset, bytes);
  }

  /// Bytes appended so far.
  std::uint64_t position() const noexcept { return position_; }

  std::filesystem::path const& path() const noexcept { return path_; }

  /// Brings everything to disk and gives the file its name. Afterwards only destruction is allowed.
  void commit() {
    expect(!committed_, "atomic_file::commit", "the file was committed before");
    flush();
    committed_ = true;
    if (!synchronise(file_.descriptor())) throw_write_failure(path_, "synchronising", errno);
    if (!file_.rename_to(path_)) throw_write_failure(path_, "renaming the finished file into place", errno);
    synchronise_folder();
  }

 private:
  // Renaming onto a folder fails, but only in the end; onto a device it would replace the device.
  static std::filesystem::path expect_file_name(std::filesystem::path path) {
    std::error_code ignored;  // what cannot be examined cannot be written to either, which creating a file says better
    std::filesystem::file_status const found = std::filesystem::status(path, ignored);
    bool const folder = path.filename().empty() || std::filesystem::is_directory(found);
    if (folder || (std::filesystem::exists(found) && !std::filesystem::is_regular_file(found)))
      throw argument_error(path.string() + ": expected the path of a file to write, found a " +
                           (folder ? "folder" : "device, pipe or socket"));
    return path;
  }

  static constexpr std::size_t buffer_size = std::size_t{1} << 18;

  void flush() {
    if (buffer_.empty()) return;
    write_at(position_ - buffer_.size(), buffer_);
    buffer_.clear();
  }

  void write_at(std::uint64_t offset, std::span<std::byte const> bytes) {
    while (!bytes.empty()) {
      std::size_t const part = (std::min)(bytes.size(), std::size_t{1} << 30);
      ::ssize_t const written = ::pwrite(file_.descriptor(), bytes.data(), part, static_cast<::off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) throw_write_failure(path_, "writing", written == 0 ? ENOSPC : errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
      offset += static_cast<std::uint64_t>(written);
    }
  }

  static bool synchronise(int descriptor) noexcept {
    return detail::repeat_interrupted([=] { return ::fsync(descriptor); }) == 0;
  }

  // A file system that cannot synchronise a folder says EINVAL: nothing more can be done there.
  void synchronise_folder() const {
    std::filesystem::path const parent = path_.parent_path();
    int const folder = detail::open_file(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY);
    if (folder < 0 && errno == EACCES) return;  // a folder that may be written but not read
    bool const good = folder >= 0 && synchronise(folder);
    int const code = errno;
    if (folder >= 0) ::close(folder);
    if (!good && code != EINVAL) throw_write_failure(path_, "the file is in place, but synchronising its folder", code);
  }

  std::filesystem::path path_;
  detail::temporary_file file_;
  bool committed_ = false;
  std::uint64_t position_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace scale
