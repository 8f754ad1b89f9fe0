// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernel of products without terms.

#include <scale/cuda/detail/elementwise.cuh>
#include <scale/cuda/detail/product.hpp>

namespace scale::cuda::detail {

template <class T>
struct set_rows_map {
  T const* row;
  matrix<T> y;

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    lanes<Width> out;
    for (int k = 0; k < Width; ++k) out[k] = row != nullptr ? static_cast<float>(row[j + k]) : 0.0f;
    store<Width>(y.row(i) + j, out);
  }
};

template <class T>
void launch_set_rows(context const& c, char const* op, tensor_view<T const, 1, context> row,
                     tensor_view<T, 2, context> y) {
  set_rows_map<T> const map{row.data_handle(), y};
  launch_elementwise<T>(c, op, y.extent(0), y.extent(1), map, map.y);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_PRODUCT(T)                                                                     \
  template void scale::cuda::detail::launch_set_rows<T>(scale::cuda::context const&, char const*,             \
                                                        scale::tensor_view<T const, 1, scale::cuda::context>, \
                                                        scale::tensor_view<T, 2, scale::cuda::context>);
