// SPDX-License-Identifier: Apache-2.0
#pragma once
// A whole file as read-only memory.

#include <scale/io/file_error.hpp>
#include <scale/io/open_file.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace scale {

/// Maps a regular file; pages are read when touched. The file must not be shortened while it is mapped: touching what
/// is gone ends the process (SIGBUS). Files written by atomic_file are replaced, never shortened.
class mapped_file {
 public:
  mapped_file() = default;

  /// Throws input_error where there is no such regular file or it may not be read, resource_error where the machine
  /// has no room for the mapping.
  explicit mapped_file(std::filesystem::path file) : path_(std::move(file)) {
    int const descriptor = detail::open_file(path_.c_str(), O_RDONLY | O_NONBLOCK);
    if (descriptor < 0) fail("cannot be opened", errno);
    struct ::stat status = {};
    int const state = ::fstat(descriptor, &status);
    int const code = errno;
    if (state != 0 || !S_ISREG(status.st_mode)) {
      ::close(descriptor);
      if (state != 0) fail("cannot be examined", code);
      refuse_file(path_, "expected a regular file, found a folder, pipe or device");
    }
    size_ = static_cast<std::size_t>(status.st_size);
    if (size_ != 0) {
      void* const address = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
      int const reason = errno;
      if (address == MAP_FAILED) {
        ::close(descriptor);
        throw resource_error(path_.string() + ": cannot be mapped: " + message(reason));
      }
      data_ = static_cast<std::byte const*>(address);
    }
    ::close(descriptor);
  }

  mapped_file(mapped_file&& other) noexcept
      : path_(std::move(other.path_)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}

  mapped_file& operator=(mapped_file&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  ~mapped_file() {
    if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
  }

  std::filesystem::path const& path() const noexcept { return path_; }
  std::span<std::byte const> bytes() const noexcept { return {data_, size_}; }
  std::size_t size() const noexcept { return size_; }

 private:
  static std::string message(int code) { return std::error_code(code, std::generic_category()).message(); }

  [[noreturn]] void fail(char const* what, int code) const {
    std::string const text = path_.string() + ": " + what + ": " + message(code);
    if (code == ENOMEM || code == EMFILE || code == ENFILE || code == EIO) throw resource_error(text);
    throw input_error(text);
  }

  std::filesystem::path path_;
  std::byte const* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace scale
