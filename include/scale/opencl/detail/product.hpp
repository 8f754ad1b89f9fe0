// SPDX-License-Identifier: Apache-2.0
#pragma once
// Matrix products, by one of two kernels: 64 items that share a tile of the result; or, on devices whose items are
// threads with wide vectors, one item that has a tile for itself.

#include <scale/opencl/detail/launch.hpp>
#include <scale/ops/write_mode.hpp>

#include <cstddef>
#include <string>

namespace scale::opencl::detail {

/// Rows and columns of a tile, and how many terms of its sums are in local memory at once.
struct tile_tuning {
  index_t rows, columns, depth;

  std::string defines() const {
    return "-D ROWS=" + std::to_string(rows) + " -D COLUMNS=" + std::to_string(columns) +
           " -D DEPTH=" + std::to_string(depth);
  }
};

inline constexpr tile_tuning shared_tile{64, 64, 16};  // 8 by 8 values per item
inline constexpr tile_tuning item_tile{128, 64, 128};  // 16 by 16 values in registers at a time

/// Both kernels: y [m, n] = or += a b^T + bias, over k terms. Element (k, s) of a is a[k * a_k + s * a_s], of b
/// likewise.
inline constexpr char const* product_parameters = R"CL(
#define PRODUCT                                                                                                \
  long m, long n, long k, ARRAY(float const, a), long a_k, long a_s, ARRAY(float const, b), long b_k, long b_s, \
      MATRIX(float, y), int accumulate, ARRAY(float const, bias)

// to[c] = or += values[c], plus bias, for the columns that exist.
void store_columns(global float* to, float const* values, long columns, int accumulate, global float const* bias) {
  for (int c = 0; c < columns; ++c) to[c] = (accumulate ? to[c] : bias != 0 ? bias[c] : 0.0f) + values[c];
}
)CL";

inline constexpr program_source shared_product_program{"shared_product", {product_parameters, R"CL(
// to [DEPTH, count]: element (k, s) = from[k * k_step + s * s_step], 0 where k >= k_left or s >= s_left. Items that are
// neighbours read neighbours.
void load_factor(local float* to, int count, global float const* from, long k_step, long k_left, long s_step,
                 long s_left) {
  for (int e = get_local_id(0); e < DEPTH * count; e += get_local_size(0)) {
    int const k = k_step == 1 ? e % DEPTH : e / count, s = k_step == 1 ? e / DEPTH : e % count;
    to[k * count + s] = k < k_left && s < s_left ? from[k * k_step + s * s_step] : 0.0f;
  }
}

kernel void multiply(PRODUCT, local float* a_tile, local float* b_tile) {
  long const row_begin = get_group_id(0) * ROWS, column_begin = get_group_id(1) * COLUMNS;
  int const row = get_local_id(0) / 8 * 8, column = get_local_id(0) % 8 * 8;  // of the item's values within the tile
  float8 values[8];
  for (int r = 0; r < 8; ++r) values[r] = 0;
  for (long begin = 0; begin < k; begin += DEPTH) {
    load_factor(a_tile, ROWS, DATA(a) + begin * a_k + row_begin * a_s, a_k, k - begin, a_s, m - row_begin);
    load_factor(b_tile, COLUMNS, DATA(b) + begin * b_k + column_begin * b_s, b_k, k - begin, b_s, n - column_begin);
    barrier(CLK_LOCAL_MEM_FENCE);
    #pragma unroll
    for (int term = 0; term < DEPTH; ++term) {
      float8 const x = vload8(0, a_tile + term * ROWS + row), z = vload8(0, b_tile + term * COLUMNS + column);
      values[0] += x.s0 * z;
      values[1] += x.s1 * z;
      values[2] += x.s2 * z;
      values[3] += x.s3 * z;
      values[4] += x.s4 * z;
      values[5] += x.s5 * z;
      values[6] += x.s6 * z;
      values[7] += x.s7 * z;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  long const left = n - column_begin - column;
  for (int r = 0; r < 8 && row_begin + row + r < m; ++r) {
    float part[8];
    vstore8(values[r], 0, part);
    store_columns(ROW(y, row_begin + row + r) + column_begin + column, part, min(8L, left), accumulate,
                  GIVEN(bias) ? DATA(bias) + column_begin + column : 0);
  }
}
)CL"}};

inline constexpr program_source item_product_program{"item_product", {product_parameters, R"CL(
// to [depth, COLUMNS]: element (k, s) = from[k * k_step + s * s_step].
void pack(local float* to, global float const* from, long depth, long k_step, long columns, long s_step) {
  if (k_step == 1)
    for (long s = 0; s < columns; ++s)
      for (long k = 0; k < depth; ++k) to[k * COLUMNS + s] = from[s * s_step + k];
  else
    for (long k = 0; k < depth; ++k)
      for (long s = 0; s < columns; ++s) to[k * COLUMNS + s] = from[k * k_step + s * s_step];
}

// to[c] = or += values.sc, plus bias, for the columns that exist, at most 16.
void store_vector(global float* to, float16 values, long columns, int accumulate, global float const* bias) {
  if (columns >= 16) {
    float16 const zero = 0;
    vstore16(values + (accumulate ? vload16(0, to) : bias != 0 ? vload16(0, bias) : zero), 0, to);
  } else {
    float part[16];
    vstore16(values, 0, part);
    store_columns(to, part, columns, accumulate, bias);
  }
}

kernel void multiply(PRODUCT, local float* b_tile) {
  long const row_begin = get_group_id(0) * ROWS, row_end = min(m, row_begin + ROWS);
  long const column_begin = get_group_id(1) * COLUMNS, columns = min((long)COLUMNS, n - column_begin);
  float totals[ROWS * COLUMNS];  // of the terms before
  long begin = 0;
  do {  // once even where there are no terms
    long const depth = min((long)DEPTH, k - begin);
    pack(b_tile, DATA(b) + begin * b_k + column_begin * b_s, depth, b_k, columns, b_s);
    for (long row = row_begin; row < row_end; row += 16) {
      global float const* x[16];
      #pragma unroll
      for (int r = 0; r < 16; ++r) x[r] = DATA(a) + begin * a_k + min(row + r, m - 1) * a_s;
      for (long c = 0; c < columns; c += 16) {
        float16 values[16];
        #pragma unroll
        for (int r = 0; r < 16; ++r) values[r] = 0;
        for (long term = 0; term < depth; ++term) {
          float16 const z = vload16(0, b_tile + term * COLUMNS + c);  // beyond the columns: what is not stored
          #pragma unroll
          for (int r = 0; r < 16; ++r) values[r] += x[r][term * a_k] * z;
        }
        #pragma unroll
        for (int r = 0; r < 16; ++r) {
          float* const total = totals + (row - row_begin + r) * COLUMNS + c;
          float16 sum = values[r];
          if (begin > 0) sum += vload16(0, total);
          if (begin + DEPTH < k)
            vstore16(sum, 0, total);
          else if (row + r < m)
            store_vector(ROW(y, row + r) + column_begin + c, sum, columns - c, accumulate,
                         GIVEN(bias) ? DATA(bias) + column_begin + c : 0);
        }
      }
    }
    begin += DEPTH;
  } while (begin < k);
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
  auto const run = [&](program_source const& program, tile_tuning const& tile, index_t items,
                       auto const&... local_memory) {
    work const w{ceil_div(a.sides, tile.rows), ceil_div(b.sides, tile.columns), items};
    launch_with(c, op, program, tile.defines(), "multiply", w, a.sides, b.sides, a.k, a.data, a.k_step, a.side_step,
                b.data, b.k_step, b.side_step, matrix(y), mode == write_mode::accumulate ? 1 : 0, bias.data_handle(),
                local_memory...);
  };
  auto const local_floats = [](index_t count) { return local_bytes{static_cast<std::size_t>(count) * sizeof(float)}; };
  if (c.state().is_cpu())
    run(item_product_program, item_tile, 1, local_floats(item_tile.columns * item_tile.depth));
  else
    run(shared_product_program, shared_tile, work_tuning::group, local_floats(shared_tile.rows * shared_tile.depth),
        local_floats(shared_tile.columns * shared_tile.depth));
}

}  // namespace scale::opencl::detail
