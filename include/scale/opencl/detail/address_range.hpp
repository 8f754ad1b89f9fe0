// SPDX-License-Identifier: Apache-2.0
#pragma once
// Addresses that stand for device memory. OpenCL 1.2 has no pointers to it, and a view is a pointer with extents: so
// each buffer reserves as many addresses as it has bytes, without memory behind them. Arithmetic on pointers then works
// as for any other backend, and a host that reads or writes through one by mistake is stopped at that instruction.

#include <scale/core/error.hpp>

#include <sys/mman.h>

#include <cstddef>
#include <string>
#include <utility>

namespace scale::opencl::detail {

/// Owns `size` addresses, and some behind them that belong to nobody: the end of a range is no other range's begin.
class address_range {
 public:
  address_range() = default;
  explicit address_range(std::size_t size) : reserved_(size + gap) {
    void* const address = ::mmap(nullptr, reserved_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address == MAP_FAILED)
      throw resource_error("[opencl memory] " + std::to_string(size) +
                           " addresses cannot be reserved; a smaller batch needs fewer");
    begin_ = address;
  }
  address_range(address_range&& other) noexcept
      : begin_(std::exchange(other.begin_, nullptr)), reserved_(std::exchange(other.reserved_, 0)) {}
  address_range& operator=(address_range&& other) noexcept {
    std::swap(begin_, other.begin_);
    std::swap(reserved_, other.reserved_);
    return *this;
  }
  ~address_range() {
    if (begin_ != nullptr) ::munmap(begin_, reserved_);
  }

  void* begin() const noexcept { return begin_; }

 private:
  static constexpr std::size_t gap = 4096;

  void* begin_ = nullptr;
  std::size_t reserved_ = 0;
};

}  // namespace scale::opencl::detail
