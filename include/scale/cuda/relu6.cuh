// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels of the rectified linear unit bounded by 6.

#include <scale/cuda/detail/elementwise.cuh>
#include <scale/cuda/relu6.hpp>

namespace scale::cuda::detail {

/// NaN stays.
struct relu6_value {
  __device__ float operator()(float x) const { return x < 0 ? 0.0f : x > 6 ? 6.0f : x; }
};

struct relu6_slope {
  __device__ float operator()(float x, float dy) const { return x > 0 && x < 6 ? dy : 0.0f; }
};

template <class T>
void launch_relu6_forward(context const& c, tensor_view<T const, 2, context> x,
                          relu6_forward_args<T, context> const& a) {
  map_matrix(c, "relu6_forward", relu6_value{}, x, a.y);
}

template <class T>
void launch_relu6_backward(context const& c, tensor_view<T const, 2, context> x,
                           relu6_backward_args<T, context> const& a) {
  map_matrix(c, "relu6_backward", relu6_slope{}, x, a.dy, a.dx);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_RELU6(T)                                                  \
  template void scale::cuda::detail::launch_relu6_forward<T>(                            \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::relu6_forward_args<T, scale::cuda::context> const&);                        \
  template void scale::cuda::detail::launch_relu6_backward<T>(                           \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::relu6_backward_args<T, scale::cuda::context> const&);
