// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tiles of a matrix product, for kernels: factors in local memory, results in registers.

#include <scale/opencl/detail/launch.hpp>

namespace scale::opencl::detail {

struct tile_tuning {
  static constexpr index_t side = 64;   // rows and columns of a tile; 64 items have 8 by 8 of its values each
  static constexpr index_t depth = 16;  // terms of the sums in local memory at once
  static constexpr local_bytes factor{static_cast<std::size_t>(side * depth) * sizeof(float)};
};

inline constexpr char const* tile_source = R"CL(
#define SIDE 64
#define DEPTH 16

// The item's values: rows tile_row() + 0 .. 7, a float8 each, columns tile_column() + 0 .. 7.
int tile_row() { return get_local_id(0) / 8 * 8; }
int tile_column() { return get_local_id(0) % 8 * 8; }

// to [DEPTH, SIDE]: element (k, s) = from[k * k_step + s * s_step], 0 where k >= k_count or s >= s_count. Items that
// are neighbours read neighbours.
void load_factor(local float* to, global float const* from, long k_step, long k_count, long s_step, long s_count) {
  for (int e = get_local_id(0); e < DEPTH * SIDE; e += get_local_size(0)) {
    int const k = k_step == 1 ? e % DEPTH : e / SIDE, s = k_step == 1 ? e / DEPTH : e % SIDE;
    to[k * SIDE + s] = k < k_count && s < s_count ? from[k * k_step + s * s_step] : 0.0f;
  }
}

// values += a^T b for a and b [DEPTH, SIDE].
void add_product(float8* values, local float const* a, local float const* b) {
  for (int k = 0; k < DEPTH; ++k) {
    float8 const x = vload8(0, a + k * SIDE + tile_row()), y = vload8(0, b + k * SIDE + tile_column());
    values[0] += x.s0 * y;
    values[1] += x.s1 * y;
    values[2] += x.s2 * y;
    values[3] += x.s3 * y;
    values[4] += x.s4 * y;
    values[5] += x.s5 * y;
    values[6] += x.s6 * y;
    values[7] += x.s7 * y;
  }
}

// values = the tile of a b^T: element (k, s) of a is a[k * a_k + s * a_s], and likewise of b; k_count terms.
void tile_product(float8* values, global float const* a, long a_k, long a_s, long a_count, global float const* b,
                  long b_k, long b_s, long b_count, long k_count, local float* a_tile, local float* b_tile) {
  for (int r = 0; r < 8; ++r) values[r] = 0;
  for (long begin = 0; begin < k_count; begin += DEPTH) {
    load_factor(a_tile, a + begin * a_k, a_k, k_count - begin, a_s, a_count);
    load_factor(b_tile, b + begin * b_k, b_k, k_count - begin, b_s, b_count);
    barrier(CLK_LOCAL_MEM_FENCE);
    add_product(values, a_tile, b_tile);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
}
)CL";

}  // namespace scale::opencl::detail
