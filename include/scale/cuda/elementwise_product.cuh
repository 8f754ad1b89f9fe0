// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernel of the product of two matrices, element by element.

#include <scale/cuda/detail/elementwise.cuh>
#include <scale/cuda/elementwise_product.hpp>

namespace scale::cuda::detail {

struct product_of_two {
  __device__ float operator()(float x, float by) const { return x * by; }
};

template <class T>
void launch_elementwise_product(context const& c, tensor_view<T const, 2, context> x,
                                elementwise_product_args<T, context> const& a) {
  map_matrix(c, "elementwise_product", product_of_two{}, x, a.by, a.y);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_ELEMENTWISE_PRODUCT(T)                                    \
  template void scale::cuda::detail::launch_elementwise_product<T>(                      \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::elementwise_product_args<T, scale::cuda::context> const&);
