// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernel of GELU and the dropout behind it.

#include <scale/cuda/detail/dropout_mask.cuh>
#include <scale/cuda/detail/elementwise.cuh>
#include <scale/cuda/detail/gelu_value.cuh>
#include <scale/cuda/gelu_dropout.hpp>

namespace scale::cuda::detail {

template <class T>
struct gelu_dropout_map {
  matrix<T const> x;
  matrix<T> y, slope;
  dropout_mask mask;

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    lanes<Width> const factor = mask.factors<Width>(i, j), v = load<Width>(x.row(i) + j);
    lanes<Width> out;
    for (int k = 0; k < Width; ++k) out[k] = factor[k] == 0 ? 0.0f : factor[k] * gelu_value{}(v[k]);
    store<Width>(y.row(i) + j, out);
    if (!slope.given()) return;
    for (int k = 0; k < Width; ++k) out[k] = factor[k] == 0 ? 0.0f : factor[k] * gelu_slope{}(v[k]);
    store<Width>(slope.row(i) + j, out);
  }
};

template <class T>
void launch_gelu_dropout(context const& c, tensor_view<T const, 2, context> x, gelu_dropout_args<T, context> const& a) {
  extent_pair e{x.extent(0), x.extent(1)};
  if (!a.rows.has_data()) e = a.slope.has_data() ? joined_rows(x, a.y, a.slope) : joined_rows(x, a.y);
  gelu_dropout_map<T> const map{x, a.y, a.slope, {dropout_draw(a.key, a.p), a.rows.data_handle(), x.extent(1)}};
  launch_elementwise<T>(c, "gelu_dropout", e.rows, e.columns, map, map.x, map.y, map.slope);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_GELU_DROPOUT(T)                                                                    \
  template void scale::cuda::detail::launch_gelu_dropout<T>(scale::cuda::context const&,                          \
                                                            scale::tensor_view<T const, 2, scale::cuda::context>, \
                                                            scale::gelu_dropout_args<T, scale::cuda::context> const&);
