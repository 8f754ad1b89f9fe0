// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels of InfoNCE between paired rows: the one-sided loss from both sides.

#include <scale/cuda/detail/contrast.cuh>
#include <scale/cuda/detail/total.cuh>
#include <scale/cuda/symmetric_info_nce.hpp>

namespace scale::cuda::detail {

/// The loss's slope by a score, times twice the pairs; own and other are the sides that a gradient is computed for.
struct pair_weight {
  float const *own_lse, *other_lse;

  __device__ float operator()(float score, index_t own, index_t other) const {
    return expf(score - own_lse[own]) + expf(score - other_lse[other]) - (own == other ? 2.0f : 0.0f);
  }
};

template <class T>
void launch_symmetric_info_nce_forward(context const& c, tensor_view<T const, 2, context> x,
                                       symmetric_info_nce_forward_args<T, context> const& a) {
  constexpr auto op = "symmetric_info_nce_forward";
  index_t const n = x.extent(0);
  tensor<float, 1, context> losses(c, shape{2 * n});
  tensor<std::int32_t, 1, context> hits(c, shape{2 * n});
  float* const loss = losses.data_handle();
  std::int32_t* const hit = hits.data_handle();
  contrast_forward(c, op, x, a.other, a.temperature, nullptr, a.lse_rows.data_handle(), loss, hit);
  contrast_forward(c, op, a.other, x, a.temperature, nullptr, a.lse_columns.data_handle(), loss + n, hit + n);
  launch_count(c, op, hit, n, a.correct.data_handle());
  launch_count(c, op, hit + n, n, a.correct.data_handle() + 1);
  launch_mean(c, op, loss, 2 * n, a.loss.data_handle());
}

template <class T>
void launch_symmetric_info_nce_backward(context const& c, tensor_view<T const, 2, context> x,
                                        symmetric_info_nce_backward_args<T, context> const& a) {
  constexpr auto op = "symmetric_info_nce_backward";
  index_t const n = x.extent(0);
  if (n == 0) return;
  double const factor = a.scale / (2 * a.temperature * static_cast<double>(n));
  float const *const rows = a.lse_rows.data_handle(), *const columns = a.lse_columns.data_handle();
  contrast_gradient(c, op, x, a.other, a.temperature, pair_weight{rows, columns}, factor, a.da, write_mode::assign);
  contrast_gradient(c, op, a.other, x, a.temperature, pair_weight{columns, rows}, factor, a.dother, write_mode::assign);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_SYMMETRIC_INFO_NCE(T)                                     \
  template void scale::cuda::detail::launch_symmetric_info_nce_forward<T>(               \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::symmetric_info_nce_forward_args<T, scale::cuda::context> const&);           \
  template void scale::cuda::detail::launch_symmetric_info_nce_backward<T>(              \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::symmetric_info_nce_backward_args<T, scale::cuda::context> const&);
