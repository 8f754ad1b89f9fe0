// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels of one-sided InfoNCE; detail/contrast.cuh computes.

#include <scale/cuda/detail/contrast.cuh>
#include <scale/cuda/detail/total.cuh>
#include <scale/cuda/info_nce.hpp>

namespace scale::cuda::detail {

/// The loss's slope by a score, times the queries, seen from the query.
struct query_weight {
  float const* lse;
  std::int32_t const* target;

  __device__ float operator()(float score, index_t query, index_t key) const {
    return expf(score - lse[query]) - (target[query] == key ? 1.0f : 0.0f);
  }
};

/// The same seen from the key.
struct key_weight {
  query_weight of;

  __device__ float operator()(float score, index_t key, index_t query) const { return of(score, query, key); }
};

template <class T>
void launch_info_nce_forward(context const& c, tensor_view<T const, 2, context> q,
                             info_nce_forward_args<T, context> const& a) {
  constexpr auto op = "info_nce_forward";
  index_t const m = q.extent(0);
  tensor<float, 1, context> losses(c, shape{m});
  tensor<std::int32_t, 1, context> hits(c, shape{m});
  contrast_forward(c, op, q, a.keys, a.temperature, a.target.data_handle(), a.lse.data_handle(), losses.data_handle(),
                   hits.data_handle());
  launch_mean(c, op, losses.data_handle(), m, a.loss.data_handle());
  launch_count(c, op, hits.data_handle(), m, a.correct.data_handle());
}

template <class T>
void launch_info_nce_backward(context const& c, tensor_view<T const, 2, context> q,
                              info_nce_backward_args<T, context> const& a) {
  constexpr auto op = "info_nce_backward";
  index_t const m = q.extent(0);
  if (m == 0) return;
  double const factor = a.scale / (a.temperature * static_cast<double>(m));
  query_weight const weight{a.lse.data_handle(), a.target.data_handle()};
  contrast_gradient(c, op, q, a.keys, a.temperature, weight, factor, a.dq, write_mode::assign);
  contrast_gradient(c, op, a.keys, q, a.temperature, key_weight{weight}, factor, a.dkeys, write_mode::accumulate);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_INFO_NCE(T)                                               \
  template void scale::cuda::detail::launch_info_nce_forward<T>(                         \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::info_nce_forward_args<T, scale::cuda::context> const&);                     \
  template void scale::cuda::detail::launch_info_nce_backward<T>(                        \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::info_nce_backward_args<T, scale::cuda::context> const&);
