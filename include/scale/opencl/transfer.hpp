// SPDX-License-Identifier: Apache-2.0
#pragma once
// Transfers between host memory and the device.

#include <scale/core/dtype.hpp>
#include <scale/opencl/context.hpp>
#include <scale/ops/transfer.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

namespace scale::opencl {

/// The end of work that was queued. A default-made one is over.
class event {
 public:
  event() = default;
  event(detail::compute::event made, char const* op) : event_(std::move(made)), op_(op) {}

  /// Returns when the work is done. Throws resource_error where it failed.
  void wait() const {
    if (event_.get() == nullptr) return;
    cl_event const waited = event_.get();
    detail::check(clWaitForEvents(1, &waited), op_, "waiting");
  }

 private:
  detail::compute::event event_;
  char const* op_ = "";
};

namespace detail {

template <class T>
std::size_t size_in_bytes(tensor_view<T, 1, context> const& x) {
  return static_cast<std::size_t>(x.size()) * sizeof(T);
}

template <class T>
event enqueue_upload(context const& c, char const* op, std::span<T const> host, tensor_view<T, 1, context> to) {
  std::size_t const bytes = size_in_bytes(to);
  if (bytes == 0) return {};
  memory_place const place = c.state().find(to.data_handle(), op);
  cl_event made = nullptr;
  check(clEnqueueWriteBuffer(c.state().queue().get(), place.memory, CL_FALSE, place.offset, bytes, host.data(), 0,
                             nullptr, &made),
        op, "copying");
  c.state().queued(op);
  return {compute::event(made, false), op};
}

template <class T>
event enqueue_download(context const& c, char const* op, tensor_view<T const, 1, context> from, std::span<T> host) {
  std::size_t const bytes = size_in_bytes(from);
  if (bytes == 0) return {};
  memory_place const place = c.state().find(from.data_handle(), op);
  cl_event made = nullptr;
  check(clEnqueueReadBuffer(c.state().queue().get(), place.memory, CL_FALSE, place.offset, bytes, host.data(), 0,
                            nullptr, &made),
        op, "copying");
  c.state().queued(op);
  return {compute::event(made, false), op};
}

template <class X>
void expect_transfer(char const* op, std::size_t host_size, X const& x, location at) {
  if (static_cast<index_t>(host_size) != x.size())
    throw_expected(op, "host size", std::to_string(x.size()) + " elements, as the tensor has",
                   std::to_string(host_size), at);
  expect_shape(op, "tensor", x, x.extents(), at);
  expect_contiguous(op, "tensor", x, at);
}

}  // namespace detail

/// Waits for all queued work, since the caller may change `host` when it returns; upload_async does not.
template <element T>
void upload(context const& c, std::span<T const> host, tensor_view<T, 1, context> destination) {
  detail::enqueue_upload(c, "upload", host, destination);
  c.state().synchronize("upload");
}

template <element T>
void download(context const& c, tensor_view<T const, 1, context> source, std::span<T> host) {
  detail::enqueue_download(c, "download", source, host);
  c.state().synchronize("download");
}

/// Queues a copy to a contiguous tensor of as many elements and returns. `host` must stay as it is until the event.
template <class X>
requires readable_by<X, context> event upload_async(context const& c,
                                                    std::type_identity_t<std::span<element_t<X> const>> host,
                                                    X&& destination, location at = location::current()) {
  using T = element_t<X>;
  tensor_view<T, rank_of<X>, context> const to = destination;
  detail::expect_transfer("upload_async", host.size(), to, at);
  return detail::enqueue_upload<T>(c, "upload_async", host, {to.data_handle(), shape{to.size()}});
}

/// Queues a copy of a contiguous tensor of as many elements and returns. `host` is complete at the event.
template <readable_by<context> X>
event download_async(context const& c, X const& source, std::type_identity_t<std::span<element_t<X>>> host,
                     location at = location::current()) {
  using T = element_t<X>;
  tensor_view<T const, rank_of<X>, context> const from = source;
  detail::expect_transfer("download_async", host.size(), from, at);
  return detail::enqueue_download<T>(c, "download_async", {from.data_handle(), shape{from.size()}}, host);
}

}  // namespace scale::opencl
