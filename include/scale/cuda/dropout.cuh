// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels of dropout.

#include <scale/cuda/detail/dropout_mask.cuh>
#include <scale/cuda/detail/elementwise.cuh>
#include <scale/cuda/dropout.hpp>

namespace scale::cuda::detail {

/// y = residual + factor * x; a dropped infinity leaves nothing.
template <class T>
struct dropout_map {
  matrix<T const> x, residual;
  matrix<T> y;
  dropout_mask mask;

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    lanes<Width> const factor = mask.factors<Width>(i, j), v = load<Width>(x.row(i) + j);
    lanes<Width> out;
    for (int k = 0; k < Width; ++k) out[k] = factor[k] == 0 ? 0.0f : factor[k] * v[k];
    if (residual.given()) {
      lanes<Width> const r = load<Width>(residual.row(i) + j);
      for (int k = 0; k < Width; ++k) out[k] += r[k];
    }
    store<Width>(y.row(i) + j, out);
  }
};

template <class T>
void launch_dropout(context const& c, char const* op, tensor_view<T const, 2, context> x,
                    tensor_view<T const, 2, context> residual, tensor_view<T, 2, context> y, double p, random_key key,
                    tensor_view<std::int32_t const, 1, context> rows) {
  extent_pair e{x.extent(0), x.extent(1)};
  if (!rows.has_data()) e = residual.has_data() ? joined_rows(x, residual, y) : joined_rows(x, y);
  dropout_map<T> const map{x, residual, y, {dropout_draw(key, p), rows.data_handle(), x.extent(1)}};
  launch_elementwise<T>(c, op, e.rows, e.columns, map, map.x, map.residual, map.y);
}

template <class T>
void launch_dropout_forward(context const& c, tensor_view<T const, 2, context> x,
                            dropout_forward_args<T, context> const& a) {
  launch_dropout(c, "dropout_forward", x, a.residual, a.y, a.p, a.key, a.rows);
}

template <class T>
void launch_dropout_backward(context const& c, tensor_view<T const, 2, context> dy,
                             dropout_backward_args<T, context> const& a) {
  launch_dropout(c, "dropout_backward", dy, tensor_view<T const, 2, context>(), a.dx, a.p, a.key, a.rows);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_DROPOUT(T)                                                \
  template void scale::cuda::detail::launch_dropout_forward<T>(                          \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::dropout_forward_args<T, scale::cuda::context> const&);                      \
  template void scale::cuda::detail::launch_dropout_backward<T>(                         \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::dropout_backward_args<T, scale::cuda::context> const&);
