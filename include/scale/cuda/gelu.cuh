// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels of the Gaussian error linear unit.

#include <scale/cuda/detail/elementwise.cuh>
#include <scale/cuda/detail/gelu_value.cuh>
#include <scale/cuda/gelu.hpp>

namespace scale::cuda::detail {

struct gelu_gradient {
  __device__ float operator()(float x, float dy) const { return dy * gelu_slope{}(x); }
};

template <class T>
void launch_gelu_forward(context const& c, tensor_view<T const, 2, context> x, gelu_forward_args<T, context> const& a) {
  map_matrix(c, "gelu_forward", gelu_value{}, x, a.y);
}

template <class T>
void launch_gelu_backward(context const& c, tensor_view<T const, 2, context> x,
                          gelu_backward_args<T, context> const& a) {
  map_matrix(c, "gelu_backward", gelu_gradient{}, x, a.dy, a.dx);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_GELU(T)                                                                                 \
  template void scale::cuda::detail::launch_gelu_forward<T>(scale::cuda::context const&,                               \
                                                            scale::tensor_view<T const, 2, scale::cuda::context>,      \
                                                            scale::gelu_forward_args<T, scale::cuda::context> const&); \
  template void scale::cuda::detail::launch_gelu_backward<T>(                                                          \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>,                               \
      scale::gelu_backward_args<T, scale::cuda::context> const&);
