// SPDX-License-Identifier: Apache-2.0
#pragma once
// GELU and the dropout behind it on the device.

#include <scale/opencl/detail/dropout_mask.hpp>
#include <scale/opencl/detail/elementwise.hpp>
#include <scale/opencl/detail/gelu_source.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/gelu_dropout.hpp>

namespace scale::opencl {

namespace detail {

inline constexpr program_source gelu_dropout_program{"gelu_dropout", {gelu_source, dropout_source, R"CL(
// Element (i, j) is number rows[i] * numbered + j.
kernel void gelu_dropout(long columns, MATRIX(float const, x), MATRIX(float, y), MATRIX(float, slope), DROPOUT(draw),
                         ARRAY(int const, rows), long numbered) {
  FOR_QUADS(i, j, columns) {
    long const left = columns - j;
    ulong const row = GIVEN(rows) ? DATA(rows)[i] : i;
    float4 const factors = DROPOUT_FACTORS(draw, row * numbered + j), v = load_quad(ROW(x, i) + j, left);
    normal_values const at = normal(v);
    store_quad(ROW(y, i) + j, factors == 0 ? 0 : factors * gelu(v, at), left);
    if (GIVEN(slope)) store_quad(ROW(slope, i) + j, factors == 0 ? 0 : factors * gelu_slope(at), left);
  }
}
)CL"}};

}  // namespace detail

template <opencl_float T>
void gelu_dropout(context const& c, tensor_view<T const, 2, context> x, gelu_dropout_args<T, context> const& a) {
  detail::extent_pair e{x.extent(0), x.extent(1)};
  if (!a.rows.has_data()) e = a.slope.has_data() ? detail::joined_rows(x, a.y, a.slope) : detail::joined_rows(x, a.y);
  detail::launch(c, "gelu_dropout", detail::gelu_dropout_program, "gelu_dropout", detail::elements(e.rows, e.columns),
                 e.columns, detail::matrix(x), detail::matrix(a.y), detail::matrix(a.slope),
                 detail::dropout_draw(a.key, a.p), a.rows.data_handle(), x.extent(1));
}

}  // namespace scale::opencl
