// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernel of a linear layer's bias gradient.

#include <scale/cuda/detail/column_sums.cuh>
#include <scale/cuda/detail/matrix.cuh>
#include <scale/cuda/linear.hpp>

namespace scale::cuda::detail {

template <class T>
struct element_terms {
  matrix<T const> x;

  __device__ void operator()(index_t i, index_t j, float* sums) const { sums[0] += static_cast<float>(x.row(i)[j]); }
};

template <class T>
void launch_bias_gradient(context const& c, tensor_view<T const, 2, context> dy, tensor_view<float, 1, context> dbias) {
  add_column_sums<1>(c, "linear_backward", dy.extent(0), dy.extent(1), element_terms<T>{dy}, {{dbias.data_handle()}});
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_LINEAR(T)                                                                           \
  template void scale::cuda::detail::launch_bias_gradient<T>(scale::cuda::context const&,                          \
                                                             scale::tensor_view<T const, 2, scale::cuda::context>, \
                                                             scale::tensor_view<float, 1, scale::cuda::context>);
