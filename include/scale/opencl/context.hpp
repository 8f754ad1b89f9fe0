// SPDX-License-Identifier: Apache-2.0
#pragma once
// The OpenCL backend's context: a device and a queue, which works in order.

#include <scale/core/backend.hpp>
#include <scale/opencl/detail/state.hpp>
#include <scale/opencl/options.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace scale::opencl {

/// Owns `size` bytes of device memory, uninitialised. Freed behind all work that was queued. data() is an address for
/// views and operators, never to be read or written by the host.
class device_buffer {
 public:
  device_buffer() = default;
  device_buffer(std::shared_ptr<detail::state> state, std::size_t size)
      : state_(std::move(state)), data_(state_->allocate(size)), size_(size) {}
  device_buffer(device_buffer&& other) noexcept
      : state_(std::move(other.state_)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  device_buffer& operator=(device_buffer&& other) noexcept {
    std::swap(state_, other.state_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~device_buffer() {
    if (state_ != nullptr) state_->free(data_);
  }

  void* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }

 private:
  std::shared_ptr<detail::state> state_;
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

/// A cheap, copyable handle; copies share the queue, the memory and the compiled programs. Operators queue their work
/// and return; it runs in order. What a kernel did wrong is reported, as resource_error, by the next call that waits:
/// download or synchronize. Several contexts, on the same or on different devices, do not disturb each other, and a
/// tensor is used with the context that it was made with; one context and its copies and tensors are used by one thread
/// at a time.
class context {
 public:
  using buffer = device_buffer;
  static constexpr char const* name = "opencl";
  static constexpr bool host_accessible = false;

  /// Throws resource_error where no device can be used, argument_error where `options.device` does not exist.
  explicit context(context_options const& options = {}, location at = location::current())
      : state_(std::make_shared<detail::state>(options, at)) {}

  context_options const& options() const { return state_->options(); }
  std::string device_name() const { return state_->device().name(); }
  buffer allocate(std::size_t bytes) const { return device_buffer(state_, bytes); }

  /// Returns when all queued work is done.
  void synchronize() const { state_->synchronize("synchronize"); }

  /// For the operators of this backend.
  detail::state& state() const { return *state_; }

 private:
  std::shared_ptr<detail::state> state_;
};

}  // namespace scale::opencl
