// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels of l2_normalize: a warp per row, scaled by its largest element so that squares stay in range.

#include <scale/cuda/detail/rows.cuh>
#include <scale/cuda/l2_normalize.hpp>

namespace scale::cuda::detail {

template <int Width, class T>
SCALE_KERNEL l2_normalize_forward_kernel(matrix<T const> x, index_t n, index_t c, float eps, matrix<T> y,
                                         float* norms) {
  index_t const row = warp_row();
  if (row >= n) return;  // the whole warp
  T const* const in = x.row(row);
  float largest = 0;
  for_row<Width>(in, c, [&](index_t, lanes<Width> const& v) {
    for (int k = 0; k < Width; ++k) largest = fmaxf(largest, fabsf(v[k]));
  });
  largest = warp_max(largest);
  float squares = 0;
  for_row<Width>(in, c, [&](index_t, lanes<Width> const& v) {
    for (int k = 0; k < Width; ++k) {
      float const part = largest > 0 ? v[k] / largest : v[k];  // the latter keeps a NaN
      squares += part * part;
    }
  });
  squares = warp_sum(squares);
  float const norm = largest > 0 ? largest * sqrtf(squares) : squares;
  float const divisor = norm < eps ? eps : norm;
  for_row<Width>(in, c, [&](index_t j, lanes<Width> const& v) {
    lanes<Width> out;
    for (int k = 0; k < Width; ++k) out[k] = v[k] / divisor;
    store<Width>(y.row(row) + j, out);
  });
  if (lane_number() == 0) norms[row] = norm;
}

template <int Width, class T>
SCALE_KERNEL l2_normalize_backward_kernel(matrix<T const> y, index_t n, index_t c, float eps, matrix<T const> dy,
                                          float const* norms, matrix<T> dx) {
  index_t const row = warp_row();
  if (row >= n) return;  // the whole warp
  float const norm = norms[row];
  float const dot = row_dot<Width>(y.row(row), dy.row(row), c);
  for_row<Width>(y.row(row), c, [&](index_t j, lanes<Width> const& v) {
    lanes<Width> out = load<Width>(dy.row(row) + j);
    for (int k = 0; k < Width; ++k)
      out[k] = norm == 0 ? 0.0f : norm < eps ? out[k] / eps : (out[k] - v[k] * dot) / norm;
    store<Width>(dx.row(row) + j, out);
  });
}

template <class T>
void launch_l2_normalize_forward(context const& c, tensor_view<T const, 2, context> x,
                                 l2_normalize_forward_args<T, context> const& a) {
  matrix<T const> const in(x);
  matrix<T> const out(a.y);
  bool const packs = packs_fit<T>(x.extent(1), in, out);
  launch_rows(c, "l2_normalize_forward", x.extent(0),
              packs ? l2_normalize_forward_kernel<packed_width<T>, T> : l2_normalize_forward_kernel<1, T>, in,
              x.extent(0), x.extent(1), static_cast<float>(a.eps), out, a.norm.data_handle());
}

template <class T>
void launch_l2_normalize_backward(context const& c, tensor_view<T const, 2, context> y,
                                  l2_normalize_backward_args<T, context> const& a) {
  matrix<T const> const in(y), slope(a.dy);
  matrix<T> const out(a.dx);
  bool const packs = packs_fit<T>(y.extent(1), in, slope, out);
  launch_rows(c, "l2_normalize_backward", y.extent(0),
              packs ? l2_normalize_backward_kernel<packed_width<T>, T> : l2_normalize_backward_kernel<1, T>, in,
              y.extent(0), y.extent(1), static_cast<float>(a.eps), slope, a.norm.data_handle(), out);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_L2_NORMALIZE(T)                                           \
  template void scale::cuda::detail::launch_l2_normalize_forward<T>(                     \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::l2_normalize_forward_args<T, scale::cuda::context> const&);                 \
  template void scale::cuda::detail::launch_l2_normalize_backward<T>(                    \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::l2_normalize_backward_args<T, scale::cuda::context> const&);
