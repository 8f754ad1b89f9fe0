// SPDX-License-Identifier: Apache-2.0
#pragma once
// Matrix products: a group per tile of the result.

#include <scale/opencl/detail/tile_source.hpp>
#include <scale/ops/write_mode.hpp>

namespace scale::opencl::detail {

inline constexpr program_source product_program{"product", {tile_source, R"CL(
// y [m, n] = or += a b^T + bias, over k terms.
kernel void multiply(long m, long n, long k, ARRAY(float const, a), long a_k, long a_s, ARRAY(float const, b), long b_k,
                     long b_s, MATRIX(float, y), int accumulate, ARRAY(float const, bias), local float* a_tile,
                     local float* b_tile) {
  long const row_begin = get_group_id(0) * SIDE, column_begin = get_group_id(1) * SIDE;
  float8 values[8];
  tile_product(values, DATA(a) + row_begin * a_s, a_k, a_s, m - row_begin, DATA(b) + column_begin * b_s, b_k, b_s,
               n - column_begin, k, a_tile, b_tile);
  long const column = column_begin + tile_column();
  float8 const zero = 0;
  for (int r = 0; r < 8; ++r) {
    long const row = row_begin + tile_row() + r;
    if (row >= m || column >= n) continue;
    global float* const to = ROW(y, row) + column;
    if (column + 8 <= n) {
      float8 const before = accumulate ? vload8(0, to) : GIVEN(bias) ? vload8(0, DATA(bias) + column) : zero;
      vstore8(before + values[r], 0, to);
    } else {
      float rest[8];
      vstore8(values[r], 0, rest);
      for (int c = 0; column + c < n; ++c)
        to[c] = (accumulate ? to[c] : GIVEN(bias) ? DATA(bias)[column + c] : 0.0f) + rest[c];
    }
  }
}
)CL"}};

/// A factor of a product: `sides` vectors of k terms, the terms and the vectors so many elements apart.
struct factor {
  float const* data;
  index_t sides, k, k_step, side_step;

  /// The rows of x, or its columns.
  static factor rows_of(tensor_view<float const, 2, context> const& x) {
    return {x.data_handle(), x.extent(0), x.extent(1), 1, x.stride(0)};
  }
  static factor columns_of(tensor_view<float const, 2, context> const& x) {
    return {x.data_handle(), x.extent(1), x.extent(0), x.stride(0), 1};
  }
};

/// Element (i, j) of y = or += vector i of a times vector j of b, with `bias` (assign only) plus its element j. Shapes
/// have been checked.
inline void multiply(context const& c, char const* op, factor const& a, factor const& b,
                     tensor_view<float, 2, context> y, write_mode mode,
                     tensor_view<float const, 1, context> bias = {}) {
  work const w{ceil_div(a.sides, tile_tuning::side), ceil_div(b.sides, tile_tuning::side)};
  launch(c, op, product_program, "multiply", w, a.sides, b.sides, a.k, a.data, a.k_step, a.side_step, b.data, b.k_step,
         b.side_step, matrix(y), mode == write_mode::accumulate ? 1 : 0, bias.data_handle(), tile_tuning::factor,
         tile_tuning::factor);
}

}  // namespace scale::opencl::detail
