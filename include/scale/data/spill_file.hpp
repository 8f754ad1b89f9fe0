// SPDX-License-Identifier: Apache-2.0
#pragma once
// Bytes that wait on disk until their place in another file is known.

#include <scale/io/atomic_file.hpp>
#include <scale/io/temporary_file.hpp>

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace scale {

/// A nameless temporary file beside `path`: it is gone when this object or the process ends.
class spill_file {
 public:
  explicit spill_file(std::filesystem::path const& path) : path_(path), file_(path) { file_.remove_name(); }

  spill_file(spill_file const&) = delete;
  spill_file& operator=(spill_file const&) = delete;

  /// Appends.
  void write(std::span<std::byte const> bytes) {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    if (buffer_.size() >= block) flush();
  }

  /// Appends everything written so far to `target`.
  void copy_to(atomic_file& target) {
    flush();
    std::vector<std::byte> part(block);
    for (std::uint64_t at = 0; at < size_;) {
      ::ssize_t const got = ::pread(file_.descriptor(), part.data(), part.size(), static_cast<::off_t>(at));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) throw_write_failure(path_, "reading a temporary file back", got == 0 ? EIO : errno);
      target.write(std::span(part).first(static_cast<std::size_t>(got)));
      at += static_cast<std::uint64_t>(got);
    }
  }

 private:
  static constexpr std::size_t block = std::size_t{1} << 18;

  void flush() {
    for (std::size_t done = 0; done < buffer_.size();) {
      ::ssize_t const written =
          ::pwrite(file_.descriptor(), buffer_.data() + done, buffer_.size() - done, static_cast<::off_t>(size_));
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) throw_write_failure(path_, "writing a temporary file", written == 0 ? ENOSPC : errno);
      done += static_cast<std::size_t>(written);
      size_ += static_cast<std::uint64_t>(written);
    }
    buffer_.clear();
  }

  std::filesystem::path path_;
  detail::temporary_file file_;
  std::uint64_t size_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace scale
