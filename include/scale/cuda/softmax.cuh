// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels of softmax: a warp per row.

#include <scale/cuda/detail/rows.cuh>
#include <scale/cuda/softmax.hpp>

namespace scale::cuda::detail {

template <int Width, class T>
SCALE_KERNEL softmax_forward_kernel(matrix<T const> x, index_t n, index_t c, matrix<T> y) {
  index_t const row = warp_row();
  if (row >= n) return;  // the whole warp
  T const* const in = x.row(row);
  float largest = -INFINITY;
  for_row<Width>(in, c, [&](index_t, lanes<Width> const& v) {
    for (int k = 0; k < Width; ++k) largest = fmaxf(largest, v[k]);
  });
  largest = warp_max(largest);
  float sum = 0;
  for_row<Width>(in, c, [&](index_t, lanes<Width> const& v) {
    for (int k = 0; k < Width; ++k) sum += expf(v[k] - largest);
  });
  sum = warp_sum(sum);
  for_row<Width>(in, c, [&](index_t j, lanes<Width> const& v) {
    lanes<Width> out;
    for (int k = 0; k < Width; ++k) out[k] = expf(v[k] - largest) / sum;
    store<Width>(y.row(row) + j, out);
  });
}

template <int Width, class T>
SCALE_KERNEL softmax_backward_kernel(matrix<T const> y, index_t n, index_t c, matrix<T const> dy, matrix<T> dx) {
  index_t const row = warp_row();
  if (row >= n) return;  // the whole warp
  float const dot = row_dot<Width>(y.row(row), dy.row(row), c);
  for_row<Width>(y.row(row), c, [&](index_t j, lanes<Width> const& v) {
    lanes<Width> out = load<Width>(dy.row(row) + j);
    for (int k = 0; k < Width; ++k) out[k] = v[k] * (out[k] - dot);
    store<Width>(dx.row(row) + j, out);
  });
}

template <class T>
void launch_softmax_forward(context const& c, tensor_view<T const, 2, context> x,
                            softmax_forward_args<T, context> const& a) {
  matrix<T const> const in(x);
  matrix<T> const out(a.y);
  bool const packs = packs_fit<T>(x.extent(1), in, out);
  launch_rows(c, "softmax_forward", x.extent(0),
              packs ? softmax_forward_kernel<packed_width<T>, T> : softmax_forward_kernel<1, T>, in, x.extent(0),
              x.extent(1), out);
}

template <class T>
void launch_softmax_backward(context const& c, tensor_view<T const, 2, context> y,
                             softmax_backward_args<T, context> const& a) {
  matrix<T const> const in(y), slope(a.dy);
  matrix<T> const out(a.dx);
  bool const packs = packs_fit<T>(y.extent(1), in, slope, out);
  launch_rows(c, "softmax_backward", y.extent(0),
              packs ? softmax_backward_kernel<packed_width<T>, T> : softmax_backward_kernel<1, T>, in, y.extent(0),
              y.extent(1), slope, out);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_SOFTMAX(T)                                                \
  template void scale::cuda::detail::launch_softmax_forward<T>(                          \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::softmax_forward_args<T, scale::cuda::context> const&);                      \
  template void scale::cuda::detail::launch_softmax_backward<T>(                         \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::softmax_backward_args<T, scale::cuda::context> const&);
