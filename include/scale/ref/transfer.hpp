// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference transfers: the memory is the host's.

#include <scale/ops/transfer.hpp>
#include <scale/ref/context.hpp>

#include <algorithm>
#include <span>

namespace scale::ref {

template <element T>
void upload(context const&, std::span<T const> host, tensor_view<T, 1, context> destination) {
  std::copy(host.begin(), host.end(), destination.data_handle());
}

template <element T>
void download(context const&, tensor_view<T const, 1, context> source, std::span<T> host) {
  std::copy_n(source.data_handle(), source.size(), host.begin());
}

}  // namespace scale::ref
