// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels of layer normalisation: a warp per row, which reads it again from the cache for each pass.

#include <scale/cuda/detail/column_sums.cuh>
#include <scale/cuda/detail/matrix.cuh>
#include <scale/cuda/layer_norm.hpp>

namespace scale::cuda::detail {

struct layer_norm_tuning {
  static constexpr int block = 256;  // threads, so 8 rows
};

template <int Width, class T>
SCALE_KERNEL layer_norm_forward_kernel(matrix<T const> x, index_t n, index_t c, T const* gamma, T const* beta,
                                       float eps, matrix<T> y, float* mean_out, float* rstd_out) {
  int const lane = static_cast<int>(threadIdx.x) % warp_size;
  index_t const row = static_cast<index_t>(blockIdx.x) * (layer_norm_tuning::block / warp_size) +
                      static_cast<index_t>(threadIdx.x) / warp_size;
  if (row >= n) return;  // the whole warp
  T const* const in = x.row(row);
  constexpr index_t step = index_t{warp_size} * Width;

  float sum = 0;
  for (index_t j = lane * Width; j < c; j += step) {
    lanes<Width> const v = load<Width>(in + j);
    for (int k = 0; k < Width; ++k) sum += v[k];
  }
  float const mean = warp_sum(sum) / static_cast<float>(c);
  float squares = 0;
  for (index_t j = lane * Width; j < c; j += step) {
    lanes<Width> const v = load<Width>(in + j);
    for (int k = 0; k < Width; ++k) squares += (v[k] - mean) * (v[k] - mean);
  }
  float const rstd = 1.0f / sqrtf(warp_sum(squares) / static_cast<float>(c) + eps);
  for (index_t j = lane * Width; j < c; j += step) {
    lanes<Width> const v = load<Width>(in + j), g = load<Width>(gamma + j), b = load<Width>(beta + j);
    lanes<Width> out;
    for (int k = 0; k < Width; ++k) out[k] = (v[k] - mean) * rstd * g[k] + b[k];
    store<Width>(y.row(row) + j, out);
  }
  if (lane == 0) mean_out[row] = mean, rstd_out[row] = rstd;
}

template <int Width, class T>
SCALE_KERNEL layer_norm_backward_kernel(matrix<T const> x, index_t n, index_t c, matrix<T const> dy, T const* gamma,
                                        float const* means, float const* rstds, matrix<T> dx, write_mode mode) {
  int const lane = static_cast<int>(threadIdx.x) % warp_size;
  index_t const row = static_cast<index_t>(blockIdx.x) * (layer_norm_tuning::block / warp_size) +
                      static_cast<index_t>(threadIdx.x) / warp_size;
  if (row >= n) return;  // the whole warp
  T const* const in = x.row(row);
  T const* const slope = dy.row(row);
  float const mean = means[row], rstd = rstds[row];
  constexpr index_t step = index_t{warp_size} * Width;

  float sum = 0, dot = 0;  // over the row of g and g * xhat, g = dy * gamma
  for (index_t j = lane * Width; j < c; j += step) {
    lanes<Width> const v = load<Width>(in + j), d = load<Width>(slope + j), g = load<Width>(gamma + j);
    for (int k = 0; k < Width; ++k) {
      sum += d[k] * g[k];
      dot += d[k] * g[k] * ((v[k] - mean) * rstd);
    }
  }
  sum = warp_sum(sum) / static_cast<float>(c);
  dot = warp_sum(dot) / static_cast<float>(c);
  for (index_t j = lane * Width; j < c; j += step) {
    lanes<Width> const v = load<Width>(in + j), d = load<Width>(slope + j), g = load<Width>(gamma + j);
    lanes<Width> out;
    for (int k = 0; k < Width; ++k) out[k] = rstd * (d[k] * g[k] - sum - (v[k] - mean) * rstd * dot);
    if (mode == write_mode::accumulate) {
      lanes<Width> const before = load<Width>(dx.row(row) + j);
      for (int k = 0; k < Width; ++k) out[k] += before[k];
    }
    store<Width>(dx.row(row) + j, out);
  }
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
  launch(c, "layer_norm_forward",
         packs ? layer_norm_forward_kernel<packed_width<T>, T> : layer_norm_forward_kernel<1, T>,
         blocks(ceil_div(n, layer_norm_tuning::block / warp_size)), layer_norm_tuning::block, 0, in, n, width,
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
  launch(c, op, packs ? layer_norm_backward_kernel<packed_width<T>, T> : layer_norm_backward_kernel<1, T>,
         blocks(ceil_div(n, layer_norm_tuning::block / warp_size)), layer_norm_tuning::block, 0, in, n, width, slope,
         a.gamma.data_handle(), a.mean.data_handle(), a.rstd.data_handle(), out, a.dx_mode);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_LAYER_NORM(T)                                             \
  template void scale::cuda::detail::launch_layer_norm_forward<T>(                       \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::layer_norm_forward_args<T, scale::cuda::context> const&);                   \
  template void scale::cuda::detail::launch_layer_norm_backward<T>(                      \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::layer_norm_backward_args<T, scale::cuda::context> const&);
