// SPDX-License-Identifier: Apache-2.0
#pragma once
// The bytes of one video file, read by position.

#include <scale/core/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

namespace scale::video::detail {

/// An open file; closed with this object. Its path is named in errors and used for nothing else.
class video_file {
 public:
  /// Opens it. Throws input_error where that is no regular file, or cannot be read.
  explicit video_file(std::filesystem::path path) : path_(std::move(path)) {
    do {  // not blocking: a pipe without a writer would be waited for
      descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    } while (descriptor_ < 0 && errno == EINTR);
    bool const absent = descriptor_ < 0 && (errno == ENOENT || errno == ENOTDIR);
    if (descriptor_ < 0) refuse(absent ? "no such file" : "cannot be opened for reading");
    struct ::stat facts = {};
    if (::fstat(descriptor_, &facts) != 0 || !S_ISREG(facts.st_mode)) {
      ::close(descriptor_);
      refuse("no such file: this is a folder, a device or a pipe");
    }
    bytes_ = facts.st_size;
  }

  /// Takes an open file of `bytes` bytes over.
  video_file(std::filesystem::path path, int descriptor, std::int64_t bytes) noexcept
      : path_(std::move(path)), descriptor_(descriptor), bytes_(bytes) {}

  video_file(video_file const&) = delete;
  video_file& operator=(video_file const&) = delete;
  ~video_file() { ::close(descriptor_); }

  std::filesystem::path const& path() const noexcept { return path_; }
  int descriptor() const noexcept { return descriptor_; }
  std::int64_t bytes() const noexcept { return bytes_; }

  /// Reads up to `count` bytes at `offset`: how many there were, less only at the end; -1 where reading fails.
  std::ptrdiff_t read(std::int64_t offset, void* to, std::size_t count) const noexcept {
    std::size_t done = 0;
    while (done < count) {
      ::ssize_t const got = ::pread(descriptor_, static_cast<std::byte*>(to) + done, count - done,
                                    offset + static_cast<std::int64_t>(done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return -1;
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return static_cast<std::ptrdiff_t>(done);
  }

  [[noreturn]] void refuse(std::string const& why) const { throw input_error(path_.string() + ": " + why); }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::int64_t bytes_ = 0;
};

}  // namespace scale::video::detail
