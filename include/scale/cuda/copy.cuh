// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels of the sum of copy.

#include <scale/cuda/copy.hpp>
#include <scale/cuda/detail/elementwise.cuh>

#include <concepts>

namespace scale::cuda::detail {

struct sum_of_two {
  __device__ float operator()(float x, float y) const { return y + x; }
};

/// What operators compute in is float; this one alone adds doubles.
struct add_doubles_map {
  matrix<double const> x;
  matrix<double> y;

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    static_assert(Width == 1);
    y.row(i)[j] += x.row(i)[j];
  }
};

template <class T>
void launch_add(context const& c, tensor_view<T const, 2, context> x, tensor_view<T, 2, context> y) {
  if constexpr (std::same_as<T, double>)
    launch_packs<1>(c, "copy", x.extent(0), x.extent(1), add_doubles_map{x, y});
  else
    map_matrix(c, "copy", sum_of_two{}, x, tensor_view<T const, 2, context>(y), y);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_COPY(T)                                                                   \
  template void scale::cuda::detail::launch_add<T>(scale::cuda::context const&,                          \
                                                   scale::tensor_view<T const, 2, scale::cuda::context>, \
                                                   scale::tensor_view<T, 2, scale::cuda::context>);
