// SPDX-License-Identifier: Apache-2.0
#pragma once
// Owned host memory: 64-byte aligned, uninitialised, huge pages asked for where it is large.

#include <scale/core/error.hpp>

#include <cstddef>
#include <cstdlib>
#include <string>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace scale {

/// Owns `size` bytes. Contents are indeterminate. Throws resource_error where memory is exhausted.
class host_buffer {
 public:
  host_buffer() = default;

  explicit host_buffer(std::size_t size) : size_(size) {
    if (size == 0) return;
    std::size_t const alignment = size >= huge_page ? huge_page : cache_line;
    std::size_t const rounded = (size + alignment - 1) / alignment * alignment;
    data_ = rounded < size ? nullptr : std::aligned_alloc(alignment, rounded);
    if (data_ == nullptr) throw resource_error("host memory: " + std::to_string(size) + " bytes cannot be allocated");
#if defined(__linux__)
    if (size >= huge_page) ::madvise(data_, rounded, MADV_HUGEPAGE);  // advice only: failure costs speed, not results
#endif
  }

  host_buffer(host_buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

  host_buffer& operator=(host_buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  ~host_buffer() { std::free(data_); }

  void* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }

 private:
  static constexpr std::size_t cache_line = 64;
  static constexpr std::size_t huge_page = std::size_t{2} << 20;

  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace scale
