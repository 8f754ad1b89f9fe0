// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels of layer normalisation: a warp per row, which reads it again from the cache for each pass.

#include <scale/cuda/detail/column_sums.cuh>
#include <scale/cuda/detail/rows.cuh>
#include <scale/cuda/layer_norm.hpp>

namespace scale::cuda::detail {

template <int Width, class T>
SCALE_KERNEL layer_norm_forward_kernel(matrix<T const> x, index_t n, index_t c, T const* gamma, T const* beta,
                                       float eps, matrix<T> y, float* mean_out, float* rstd_out) {
  index_t const row = warp_row();
  if (row >= n) return;  // the whole warp
  T const* const in = x.row(row);

  float sum = 0;
  for_row<Width>(in, c, [&](index_t, lanes<Width> const& v) {
    for (int k = 0; k < Width; ++k) sum += v[k];
  });
  float const mean = warp_sum(sum) / static_cast<float>(c);
  float squares = 0;
  for_row<Width>(in, c, [&](index_t, lanes<Width> const& v) {
    for (int k = 0; k < Width; ++k) squares += (v[k] - mean) * (v[k] - mean);
  });
  float const rstd = 1.0f / sqrtf(warp_sum(squares) / static_cast<float>(c) + eps);
  for_row<Width>(in, c, [&](index_t j, lanes<Width> const& v) {
    lanes<Width> const g = load<Width>(gamma + j), b = load<Width>(beta + j);
    lanes<Width> out;
    for (int k = 0; k < Width; ++k) out[k] = (v[k] - mean) * rstd * g[k] + b[k];
    store<Width>(y.row(row) + j, out);
  });
  if (lane_number() == 0) mean_out[row] = mean, rstd_out[row] = rstd;
}

template <int Width, class T>
SCALE_KERNEL layer_norm_backward_kernel(matrix<T const> x, index_t n, index_t c, matrix<T const> dy, T const* gamma,
                                        float const* means, float const* rstds, matrix<T> dx, write_mode mode) {
  index_t const row = warp_row();
  if (row >= n) return;  // the whole warp
  T const* const in = x.row(row);
  T const* const slope = dy.row(row);
  float const mean = means[row], rstd = rstds[row];

  float sum = 0, dot = 0;  // over the row of g and g * xhat, g = dy * gamma
  for_row<Width>(in, c, [&](index_t j, lanes<Width> const& v) {
    lanes<Width> const d = load<Width>(slope + j), g = load<Width>(gamma + j);
    for (int k = 0; k < Width; ++k) {
      sum += d[k] * g[k];
      dot += d[k] * g[k] * ((v[k] - mean) * rstd);
    }
  });
  sum = warp_sum(sum) / static_cast<float>(c);
  dot = warp_sum(dot) / static_cast<float>(c);
  for_row<Width>(in, c, [&](index_t j, lanes<Width> const& v) {
    lanes<Width> const d = load<Width>(slope + j), g = load<Width>(gamma + j);
    lanes<Width> out;
    for (int k = 0; k < Width; ++k) out[k] = rstd * (d[k] * g[k] - sum - (v[k] - mean) * rstd * dot);
    if (mode == write_mode::accumulate) {
      lanes<Width> const before = load<Width>(dx.row(row) + j);
      for (int k = 0; k < Width; ++k) out[k] += before[k];
    }
    store<Width>(dx.row(row) + j, out);
  });
}

/// dy * xhat and dy.
template <class T>
struct layer_norm_parameter_terms {
  matrix<T const> x, dy;
  float const *mean, *rstd;

  __device__ void operator()(index_t i, index_t j, float* sums) const {
    float const slope = static_cast<float>(dy.row(i)[j]);
    sums[0] += slope * ((static_cast<float>(x.row(i)[j]) - mean[i]) * rstd[i]);
    sums[1] += slope;
  }
};

template <class T>
void launch_layer_norm_forward(context const& c, tensor_view<T const, 2, context> x,
                               layer_norm_forward_args<T, context> const& a) {
  index_t const n = x.extent(0), width = x.extent(1);
  matrix<T const> const in(x);
  matrix<T> const out(a.y);
  bool const packs =
      packs_fit<T>(width, in, out) && aligned_16(a.gamma.data_handle()) && aligned_16(a.beta.data_handle());
  launch_rows(c, "layer_norm_forward", n,
              packs ? layer_norm_forward_kernel<packed_width<T>, T> : layer_norm_forward_kernel<1, T>, in, n, width,
              a.gamma.data_handle(), a.beta.data_handle(), static_cast<float>(a.eps), out, a.mean.data_handle(),
              a.rstd.data_handle());
}

template <class T>
void launch_layer_norm_backward(context const& c, tensor_view<T const, 2, context> x,
                                layer_norm_backward_args<T, context> const& a) {
  constexpr auto op = "layer_norm_backward";
  index_t const n = x.extent(0), width = x.extent(1);
  matrix<T const> const in(x), slope(a.dy);
  matrix<T> const out(a.dx);
  // before dx is written, which may be where dy is
  add_column_sums<2>(c, op, n, width,
                     layer_norm_parameter_terms<T>{in, slope, a.mean.data_handle(), a.rstd.data_handle()},
                     {{a.dgamma.data_handle(), a.dbeta.data_handle()}});
  bool const packs = packs_fit<T>(width, in, slope, out) && aligned_16(a.gamma.data_handle());
  launch_rows(c, op, n, packs ? layer_norm_backward_kernel<packed_width<T>, T> : layer_norm_backward_kernel<1, T>, in,
              n, width, slope, a.gamma.data_handle(), a.mean.data_handle(), a.rstd.data_handle(), out, a.dx_mode);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_LAYER_NORM(T)                                             \
  template void scale::cuda::detail::launch_layer_norm_forward<T>(                       \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::layer_norm_forward_args<T, scale::cuda::context> const&);                   \
  template void scale::cuda::detail::launch_layer_norm_backward<T>(                      \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::layer_norm_backward_args<T, scale::cuda::context> const&);
