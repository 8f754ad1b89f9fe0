// SPDX-License-Identifier: Apache-2.0
#pragma once
// Host memory that the device reads and writes while the host goes on.

#include <scale/core/tensor_view.hpp>
#include <scale/cuda/context.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <utility>

namespace scale::cuda {

/// Owns `size` elements of page-locked host memory, uninitialised. Movable. The owner keeps it alive until copies that
/// were queued with it are done.
template <element T>
class pinned {
 public:
  pinned() = default;

  /// Throws resource_error where the memory is not to be had.
  pinned(context const& c, std::size_t size) : size_(size) {
    if (size == 0) return;
    detail::device_scope const scope(c.options().device, "pinned memory");
    void* data = nullptr;
    detail::check(cudaHostAlloc(&data, size * sizeof(T), cudaHostAllocDefault), "pinned memory",
                  std::to_string(size * sizeof(T)) + " bytes");
    data_ = static_cast<T*>(data);
  }
  pinned(pinned&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  pinned& operator=(pinned&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~pinned() {
    if (data_ != nullptr) cudaFreeHost(data_);
  }

  T* data() { return data_; }
  T const* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::span<T> values() { return {data_, size_}; }
  std::span<T const> values() const { return {data_, size_}; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

namespace detail {

template <class T, class U, int Rank>
void expect_pinned_size(char const* op, pinned<T> const& host, tensor_view<U, Rank, context> const& x, location at) {
  if (static_cast<index_t>(host.size()) != x.size())
    throw_expected(op, "host size", std::to_string(x.size()) + " elements, as the tensor has",
                   std::to_string(host.size()), at);
  expect_shape(op, "tensor", x, x.extents(), at);
  expect_contiguous(op, "tensor", x, at);
}

}  // namespace detail

}  // namespace scale::cuda
