// SPDX-License-Identifier: Apache-2.0
#pragma once
// Transfers on the CPU: the memory is the host's.

#include <scale/cpu/detail/parallel.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/transfer.hpp>

#include <algorithm>
#include <span>

namespace scale::cpu {

template <element T>
void upload(context const& c, std::span<T const> host, tensor_view<T, 1, context> destination) {
  detail::parallel_for(c, destination.size(), detail::grain_for(2 * sizeof(T)), [&](index_t begin, index_t end) {
    std::copy(host.data() + begin, host.data() + end, destination.data_handle() + begin);
  });
}

template <element T>
void download(context const& c, tensor_view<T const, 1, context> source, std::span<T> host) {
  detail::parallel_for(c, source.size(), detail::grain_for(2 * sizeof(T)), [&](index_t begin, index_t end) {
    std::copy(source.data_handle() + begin, source.data_handle() + end, host.data() + begin);
  });
}

}  // namespace scale::cpu
