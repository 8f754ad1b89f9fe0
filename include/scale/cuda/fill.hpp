// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fill on the device.

#include <scale/core/dtype.hpp>
#include <scale/cuda/context.hpp>
#include <scale/ops/fill.hpp>

#include <bit>
#include <cstdint>
#include <type_traits>

namespace scale::cuda {

namespace detail {

template <class Word>
SCALE_HIDDEN void launch_fill(context const& c, Word* data, index_t n, Word value);

/// The unsigned integer of T's size.
template <class T>
using word_of =
    std::conditional_t<sizeof(T) == 1, std::uint8_t,
                       std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                          std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;

}  // namespace detail

template <element T>
void fill(context const& c, tensor_view<T, 1, context> destination, T value) {
  using word = detail::word_of<T>;
  detail::launch_fill(c, reinterpret_cast<word*>(destination.data_handle()), destination.size(),
                      std::bit_cast<word>(value));
}

}  // namespace scale::cuda
