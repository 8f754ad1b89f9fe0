// SPDX-License-Identifier: Apache-2.0
#pragma once
// Transfers between host memory and the device.

#include <scale/core/dtype.hpp>
#include <scale/cuda/context.hpp>
#include <scale/cuda/pinned.hpp>
#include <scale/ops/transfer.hpp>

#include <span>

namespace scale::cuda {

namespace detail {

inline void copy_bytes(context const& c, char const* op, void* to, void const* from, index_t bytes,
                       cudaMemcpyKind kind) {
  if (bytes == 0) return;
  device_scope const scope(c.options().device, op);
  check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), kind, c.stream()), op, "copying");
  c.state().queued(op);
}

template <class T>
index_t bytes_of_all(tensor_view<T, 1, context> const& x) {
  return x.size() * static_cast<index_t>(sizeof(T));
}

}  // namespace detail

/// Waits for all queued work, since the caller may change `host` when it returns; upload from pinned memory does not.
template <element T>
void upload(context const& c, std::span<T const> host, tensor_view<T, 1, context> destination) {
  detail::copy_bytes(c, "upload", destination.data_handle(), host.data(), detail::bytes_of_all(destination),
                     cudaMemcpyHostToDevice);
  c.state().synchronize("upload");
}

template <element T>
void download(context const& c, tensor_view<T const, 1, context> source, std::span<T> host) {
  detail::copy_bytes(c, "download", host.data(), source.data_handle(), detail::bytes_of_all(source),
                     cudaMemcpyDeviceToHost);
  c.state().synchronize("download");
}

/// Queues a copy to a contiguous tensor and returns. `host` must stay as it is until the work is done: c.synchronize().
template <class X>
requires readable_by<X, context>
void upload_async(context const& c, pinned<element_t<X>> const& host, X&& destination,
                  location at = location::current()) {
  tensor_view<element_t<X>, rank_of<X>, context> const to = destination;
  detail::expect_pinned_size("upload_async", host, to, at);
  detail::copy_bytes(c, "upload_async", to.data_handle(), host.data(),
                     to.size() * static_cast<index_t>(sizeof(element_t<X>)), cudaMemcpyHostToDevice);
}

/// Queues a copy of a contiguous tensor and returns. `host` is complete when the work is done: c.synchronize().
template <readable_by<context> X>
void download_async(context const& c, X const& source, pinned<element_t<X>>& host, location at = location::current()) {
  tensor_view<element_t<X> const, rank_of<X>, context> const from = source;
  detail::expect_pinned_size("download_async", host, from, at);
  detail::copy_bytes(c, "download_async", host.data(), from.data_handle(),
                     from.size() * static_cast<index_t>(sizeof(element_t<X>)), cudaMemcpyDeviceToHost);
}

}  // namespace scale::cuda
