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

/// Queues a copy to the device and returns. `host` must stay as it is until the work is done: c.synchronize().
template <element T, int Rank>
void upload_async(context const& c, pinned<T> const& host, tensor_view<T, Rank, context> destination,
                  location at = location::current()) {
  detail::expect_pinned_size("upload_async", host, destination, at);
  detail::copy_bytes(c, "upload_async", destination.data_handle(), host.data(),
                     destination.size() * static_cast<index_t>(sizeof(T)), cudaMemcpyHostToDevice);
}

/// Queues a copy to the host and returns. `host` is complete when the work is done: c.synchronize().
template <element T, int Rank>
void download_async(context const& c, tensor_view<T const, Rank, context> source, pinned<T>& host,
                    location at = location::current()) {
  detail::expect_pinned_size("download_async", host, source, at);
  detail::copy_bytes(c, "download_async", host.data(), source.data_handle(),
                     source.size() * static_cast<index_t>(sizeof(T)), cudaMemcpyDeviceToHost);
}

}  // namespace scale::cuda
