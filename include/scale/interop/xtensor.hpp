// SPDX-License-Identifier: Apache-2.0
#pragma once
// xtensor's eyes on host tensors: adaptors of the same memory, nothing copied, any strides, ranks 1 to 5.

#include <scale/core/backend.hpp>
#include <scale/core/error.hpp>
#include <scale/core/tensor_view.hpp>

#include <xtensor/xadapt.hpp>
#include <xtensor/xlayout.hpp>
#include <xtensor/xtensor.hpp>

#include <array>
#include <cstddef>
#include <type_traits>

namespace scale {

/// The view as an N-d array; writes go through where T is not const. Valid as long as the view's memory. f16 and bf16
/// elements convert to float one by one; `xt::cast<float>` makes an expression to compute with.
template <class T, int Rank, host_backend B>
auto as_xtensor(tensor_view<T, Rank, B> const& view) {
  constexpr std::size_t rank = static_cast<std::size_t>(Rank);
  std::array<std::size_t, rank> extents;
  std::array<std::ptrdiff_t, rank> strides;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    extents[axis] = static_cast<std::size_t>(view.extent(static_cast<int>(axis)));
    // xtensor broadcasts by a stride of 0 where an extent is 1, and demands it.
    strides[axis] = extents[axis] == 1 ? 0 : static_cast<std::ptrdiff_t>(view.stride(static_cast<int>(axis)));
  }
  T* data = view.data_handle();
  return xt::adapt(data, static_cast<std::size_t>(view.size()), xt::no_ownership(), extents, strides);
}

/// An N-d array held by xtensor, row-major, as a view. Valid as long as the array and its shape.
template <host_backend B, class T, std::size_t Rank>
requires element<T> tensor_view < T, static_cast<int>(Rank)
, B > as_view(xt::xtensor<T, Rank>& array) {
  shape<static_cast<int>(Rank)> extents;
  for (std::size_t axis = 0; axis < Rank; ++axis)
    extents[static_cast<int>(axis)] = static_cast<index_t>(array.shape(axis));
  return {array.data(), extents};
}

}  // namespace scale
