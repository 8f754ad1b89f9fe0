// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels of the rectified linear unit.

#include <scale/cuda/detail/elementwise.cuh>
#include <scale/cuda/relu.hpp>

namespace scale::cuda::detail {

/// NaN stays.
struct relu_value {
  __device__ float operator()(float x) const { return x < 0 ? 0.0f : x; }
};

struct relu_slope {
  __device__ float operator()(float x, float dy) const { return x > 0 ? dy : 0.0f; }
};

template <class T>
void launch_relu_forward(context const& c, tensor_view<T const, 2, context> x, relu_forward_args<T, context> const& a) {
  map_matrix(c, "relu_forward", relu_value{}, x, a.y);
}

template <class T>
void launch_relu_backward(context const& c, tensor_view<T const, 2, context> x,
                          relu_backward_args<T, context> const& a) {
  map_matrix(c, "relu_backward", relu_slope{}, x, a.dy, a.dx);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_RELU(T)                                                                                 \
  template void scale::cuda::detail::launch_relu_forward<T>(scale::cuda::context const&,                               \
                                                            scale::tensor_view<T const, 2, scale::cuda::context>,      \
                                                            scale::relu_forward_args<T, scale::cuda::context> const&); \
  template void scale::cuda::detail::launch_relu_backward<T>(                                                          \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>,                               \
      scale::relu_backward_args<T, scale::cuda::context> const&);
