// SPDX-License-Identifier: Apache-2.0
#pragma once
// Matrix products of tensors: by cuBLASLt, and by hand where there is nothing to multiply.

#include <scale/core/tensor_view.hpp>
#include <scale/cuda/context.hpp>
#include <scale/cuda/element.hpp>
#include <scale/ops/write_mode.hpp>

namespace scale::cuda::detail {

template <class T>
inline constexpr cudaDataType_t data_type_of = std::same_as<T, bf16> ? CUDA_R_16BF : CUDA_R_32F;

/// Every row of y = row [c]; 0 where not given.
template <class T>
SCALE_HIDDEN void launch_set_rows(context const& c, char const* op, tensor_view<T const, 1, context> row,
                                  tensor_view<T, 2, context> y);

/// y = or += op(a) op(b) + bias, where given. Shapes have been checked; where y is added to with a bias, there is
/// something to multiply.
template <device_float T, device_float Y>
void multiply(context const& c, char const* op, product_matrix const& a, product_matrix const& b,
              tensor_view<Y, 2, context> y, write_mode mode, tensor_view<Y const, 1, context> bias = {}) {
  if (y.size() == 0) return;
  if ((a.transposed ? a.rows : a.columns) == 0) {
    if (mode == write_mode::assign) launch_set_rows(c, op, bias, y);
    return;
  }
  device_scope const scope(c.options().device, op);
  product const p{.a = a,
                  .b = b,
                  .c = product_matrix::of(y),
                  .type = data_type_of<T>,
                  .c_type = data_type_of<Y>,
                  .tf32 = std::same_as<T, float> && c.options().matmul == matmul_precision::tf32,
                  .beta = mode == write_mode::accumulate ? 1.0f : 0.0f,
                  .bias = bias.data_handle()};
  c.state().plans().run(p, c.state().workspace(), c.stream(), op);
  c.state().queued(op);
}

}  // namespace scale::cuda::detail
