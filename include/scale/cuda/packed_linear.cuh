// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernel of what follows the product of a layer with packed weights.

#include <scale/cuda/detail/elementwise.cuh>
#include <scale/cuda/detail/gelu_value.cuh>
#include <scale/cuda/packed_linear.hpp>

namespace scale::cuda::detail {

template <class T>
struct gelu_of_sums_map {
  matrix<float const> sums;
  T const* bias;  // nullptr: none
  matrix<T> y;

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    lanes<Width> v = load<Width>(sums.row(i) + j);
    for (int k = 0; k < Width; ++k)
      v[k] = gelu_value{}(bias != nullptr ? v[k] + static_cast<float>(bias[j + k]) : v[k]);
    store<Width>(y.row(i) + j, v);
  }
};

template <class T>
void launch_gelu_of_sums(context const& c, tensor_view<float const, 2, context> sums,
                         tensor_view<T const, 1, context> bias, tensor_view<T, 2, context> y) {
  gelu_of_sums_map<T> const map{sums, bias.data_handle(), y};
  launch_elementwise<T>(c, "packed_linear", y.extent(0), y.extent(1), map, map.sums, map.y);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_PACKED_LINEAR(T)                                              \
  template void scale::cuda::detail::launch_gelu_of_sums<T>(                                 \
      scale::cuda::context const&, scale::tensor_view<float const, 2, scale::cuda::context>, \
      scale::tensor_view<T const, 1, scale::cuda::context>, scale::tensor_view<T, 2, scale::cuda::context>);
