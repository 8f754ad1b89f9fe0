// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which memory object the addresses of a context mean.

#include <scale/opencl/detail/address_range.hpp>
#include <scale/opencl/detail/runtime.hpp>

#include <cstddef>
#include <functional>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

namespace scale::opencl::detail {

/// A place in device memory; no memory for a null pointer.
struct memory_place {
  cl_mem memory = nullptr;
  std::size_t offset = 0;  // bytes
};

class memory_map {
 public:
  /// The address that stands for the first byte of `memory`.
  void* add(compute::buffer memory, std::size_t size) {
    block added{address_range(size), std::move(memory), size};
    char* const begin = static_cast<char*>(added.addresses.begin());
    blocks_.emplace(begin, std::move(added));
    return begin;
  }

  void remove(void const* begin) noexcept { blocks_.erase(static_cast<char const*>(begin)); }

  /// Of an address within a block, or at its end. Throws argument_error for any other.
  memory_place find(void const* address_, std::string_view op) const {
    if (address_ == nullptr) return {};
    char const* const address = static_cast<char const*>(address_);
    auto const after = blocks_.upper_bound(address);
    if (after != blocks_.begin()) {
      auto const& [begin, found] = *std::prev(after);
      std::size_t const offset = static_cast<std::size_t>(address - begin);
      if (offset <= found.size) return {found.memory.get(), offset};
    }
    throw_expected(op, "memory", "a tensor of this context or a view of one",
                   "an address that is of another context, or freed", location{});
  }

 private:
  struct block {
    address_range addresses;
    compute::buffer memory;
    std::size_t size;
  };

  std::map<char const*, block, std::less<>> blocks_;
};

}  // namespace scale::opencl::detail
