// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels of cross-entropy: a warp per row.

#include <scale/cuda/cross_entropy.hpp>
#include <scale/cuda/detail/elementwise.cuh>
#include <scale/cuda/detail/rows.cuh>
#include <scale/cuda/detail/total.cuh>

namespace scale::cuda::detail {

template <int Width, class T>
SCALE_KERNEL cross_entropy_forward_kernel(matrix<T const> logits, index_t n, index_t classes,
                                          std::int32_t const* labels, float* lse, float* losses) {
  index_t const row = warp_row();
  if (row >= n) return;  // the whole warp
  T const* const in = logits.row(row);
  float largest = -INFINITY;
  for_row<Width>(in, classes, [&](index_t, lanes<Width> const& v) {
    for (int k = 0; k < Width; ++k) largest = fmaxf(largest, v[k]);
  });
  largest = warp_max(largest);
  float sum = 0;
  for_row<Width>(in, classes, [&](index_t, lanes<Width> const& v) {
    for (int k = 0; k < Width; ++k) sum += expf(v[k] - largest);
  });
  float const log_sum = logf(warp_sum(sum));
  if (lane_number() != 0) return;
  lse[row] = largest + log_sum;
  losses[row] = (largest - static_cast<float>(in[labels[row]])) + log_sum;  // not from lse: both may be large
}

template <class T>
struct cross_entropy_gradient {
  matrix<T const> logits;
  matrix<T> dlogits;
  std::int32_t const* labels;
  float const* lse;
  float factor;

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    lanes<Width> v = load<Width>(logits.row(i) + j);
    for (int k = 0; k < Width; ++k) v[k] = factor * (expf(v[k] - lse[i]) - (labels[i] == j + k ? 1.0f : 0.0f));
    store<Width>(dlogits.row(i) + j, v);
  }
};

template <class T>
void launch_cross_entropy_forward(context const& c, tensor_view<T const, 2, context> logits,
                                  cross_entropy_forward_args<T, context> const& a) {
  constexpr auto op = "cross_entropy_forward";
  index_t const n = logits.extent(0);
  matrix<T const> const in(logits);
  tensor<float, 1, context> losses(c, shape{n});
  bool const packs = packs_fit<T>(logits.extent(1), in);
  launch_rows(c, op, n, packs ? cross_entropy_forward_kernel<packed_width<T>, T> : cross_entropy_forward_kernel<1, T>,
              in, n, logits.extent(1), a.labels.data_handle(), a.lse.data_handle(), losses.data_handle());
  launch_mean(c, op, losses.data_handle(), n, a.loss.data_handle());
}

template <class T>
void launch_cross_entropy_backward(context const& c, tensor_view<T const, 2, context> logits,
                                   cross_entropy_backward_args<T, context> const& a) {
  index_t const n = logits.extent(0);
  cross_entropy_gradient<T> const map{logits, a.dlogits, a.labels.data_handle(), a.lse.data_handle(),
                                      static_cast<float>(a.scale / static_cast<double>(n))};
  launch_elementwise<T>(c, "cross_entropy_backward", n, logits.extent(1), map, map.logits, map.dlogits);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_CROSS_ENTROPY(T)                                          \
  template void scale::cuda::detail::launch_cross_entropy_forward<T>(                    \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::cross_entropy_forward_args<T, scale::cuda::context> const&);                \
  template void scale::cuda::detail::launch_cross_entropy_backward<T>(                   \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::cross_entropy_backward_args<T, scale::cuda::context> const&);
