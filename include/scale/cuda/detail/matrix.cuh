// SPDX-License-Identifier: Apache-2.0
#pragma once
// Matrices as kernels see them: a pointer and a row step; several neighbours of a row are moved as one access.

#include <scale/core/tensor_view.hpp>
#include <scale/cuda/detail/kernel.cuh>

#include <cstdint>

namespace scale::cuda::detail {

/// Rows `stride` elements apart; without data: not given.
template <class T>
struct matrix {
  T* data = nullptr;
  index_t stride = 0;

  matrix() = default;
  template <class B>
  matrix(tensor_view<T, 2, B> const& x) : data(x.data_handle()), stride(x.stride(0)) {}

  __device__ T* row(index_t i) const { return data + i * stride; }
  __device__ bool given() const { return data != nullptr; }
};

/// A vector as a matrix of one row.
template <class T, class B>
matrix<T> row_matrix(tensor_view<T, 1, B> const& x) {
  matrix<T> result;
  result.data = x.data_handle();
  return result;
}

/// `Width` neighbours, in registers, converted to float.
template <int Width>
struct lanes {
  float value[static_cast<std::size_t>(Width)];

  __device__ float& operator[](int i) { return value[i]; }
  __device__ float operator[](int i) const { return value[i]; }
};

template <class T, int Width>
struct alignas(sizeof(T) * Width) packed {
  T value[static_cast<std::size_t>(Width)];
};

/// The address is a multiple of Width elements.
template <int Width, class T>
__device__ lanes<Width> load(T const* from) {
  auto const all = *reinterpret_cast<packed<T, Width> const*>(from);
  lanes<Width> result;
  for (int i = 0; i < Width; ++i) result[i] = static_cast<float>(all.value[i]);
  return result;
}

template <int Width, class T>
__device__ void store(T* to, lanes<Width> const& values) {
  packed<T, Width> all;
  for (int i = 0; i < Width; ++i) all.value[i] = T(values[i]);
  *reinterpret_cast<packed<T, Width>*>(to) = all;
}

/// Neighbours that 16 bytes hold.
template <class T>
inline constexpr int packed_width = static_cast<int>(16 / sizeof(T));

inline bool aligned_16(void const* data) { return reinterpret_cast<std::uintptr_t>(data) % 16 == 0; }

/// Whether every row of a matrix starts at a multiple of 16 bytes. One that is not given does not mind.
template <class T>
bool rows_aligned(matrix<T> const& x) {
  return aligned_16(x.data) && x.stride * static_cast<index_t>(sizeof(T)) % 16 == 0;
}

/// Whether rows of c elements of T can be moved in packs of packed_width<T>.
template <class T, class... Matrices>
bool packs_fit(index_t c, Matrices const&... matrices) {
  return c % packed_width<T> == 0 && (rows_aligned(matrices) && ...);
}

}  // namespace scale::cuda::detail
