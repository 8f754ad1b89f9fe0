// SPDX-License-Identifier: Apache-2.0
#pragma once
// Dropout on the device.

#include <scale/opencl/detail/dropout_mask.hpp>
#include <scale/opencl/detail/elementwise.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/dropout.hpp>

#include <cstdint>

namespace scale::opencl {

namespace detail {

inline constexpr program_source dropout_program{"dropout", {dropout_source, R"CL(
// y = residual + factor * x; a dropped infinity leaves nothing. Element (i, j) is number rows[i] * numbered + j.
kernel void dropout(long columns, MATRIX(float const, x), MATRIX(float const, residual), MATRIX(float, y),
                    DROPOUT(draw), ARRAY(int const, rows), long numbered) {
  FOR_QUADS(i, j, columns) {
    long const left = columns - j;
    ulong const row = GIVEN(rows) ? DATA(rows)[i] : i;
    float4 const factors = DROPOUT_FACTORS(draw, row * numbered + j), v = load_quad(ROW(x, i) + j, left);
    float4 const kept = factors == 0 ? 0 : factors * v;
    store_quad(ROW(y, i) + j, GIVEN(residual) ? load_quad(ROW(residual, i) + j, left) + kept : kept, left);
  }
}
)CL"}};

inline void launch_dropout(context const& c, char const* op, tensor_view<float const, 2, context> x,
                           tensor_view<float const, 2, context> residual, tensor_view<float, 2, context> y, double p,
                           random_key key, tensor_view<std::int32_t const, 1, context> rows) {
  extent_pair e{x.extent(0), x.extent(1)};
  if (!rows.has_data()) e = residual.has_data() ? joined_rows(x, residual, y) : joined_rows(x, y);
  launch(c, op, dropout_program, "dropout", elements(e.rows, e.columns), e.columns, matrix(x), matrix(residual),
         matrix(y), dropout_draw(key, p), rows.data_handle(), x.extent(1));
}

}  // namespace detail

template <opencl_float T>
void dropout_forward(context const& c, tensor_view<T const, 2, context> x, dropout_forward_args<T, context> const& a) {
  detail::launch_dropout(c, "dropout_forward", x, a.residual, a.y, a.p, a.key, a.rows);
}

template <opencl_float T>
void dropout_backward(context const& c, tensor_view<T const, 2, context> dy,
                      dropout_backward_args<T, context> const& a) {
  detail::launch_dropout(c, "dropout_backward", dy, {}, a.dx, a.p, a.key, a.rows);
}

}  // namespace scale::opencl
