// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tensors [n, c, t, h, w] of any strides, as kernels see them.

#include <scale/cuda/detail/matrix.cuh>

namespace scale::cuda::detail {

/// Without data: not given.
template <class T>
struct volume {
  T* data = nullptr;
  shape<5> extents, strides;

  explicit volume(tensor_view<T, 5, context> const& x)
      : data(x.data_handle()), extents(x.extents()), strides(x.strides()) {}

  SCALE_HD index_t places() const { return extents[2] * extents[3] * extents[4]; }
  __device__ T* channel(index_t n, index_t c) const { return data + n * strides[0] + c * strides[1]; }
  __device__ index_t offset(index_t t, index_t h, index_t w) const {
    return t * strides[2] + h * strides[3] + w * strides[4];
  }
  /// Number of a place within a channel, w running fastest.
  __device__ index_t place(index_t t, index_t h, index_t w) const { return (t * extents[3] + h) * extents[4] + w; }
  __device__ index_t offset(index_t place) const {
    return offset(place / extents[4] / extents[3], place / extents[4] % extents[3], place % extents[4]);
  }
};

/// Whether channels are neighbours.
template <class T>
bool channels_last(volume<T> const& x) {
  return x.strides[1] == 1 || x.extents[1] == 1;
}

/// Whether the channels of every place can be moved in packs of packed_width<T>. One that is not given does not mind.
template <class T>
bool channels_packed(volume<T> const& x) {
  if (x.data == nullptr) return true;
  bool fit = x.strides[1] == 1 && x.extents[1] % packed_width<T> == 0 && aligned_16(x.data);
  for (int axis = 0; axis < 5; ++axis)
    if (axis != 1 && x.extents[axis] > 1) fit = fit && x.strides[axis] % packed_width<T> == 0;
  return fit;
}

}  // namespace scale::cuda::detail
