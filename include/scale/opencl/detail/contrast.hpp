// SPDX-License-Identifier: Apache-2.0
#pragma once
// What both InfoNCE losses are made of: statistics of scores, tile by tile; and gradients, through a strip of weights.

#include <scale/core/tensor.hpp>
#include <scale/opencl/detail/product.hpp>

#include <algorithm>
#include <cstdint>

namespace scale::opencl::detail {

struct contrast_tuning {
  static constexpr index_t keys_per_split = 1024;               // a group sees so many keys; a multiple of a tile
  static constexpr index_t strip_floats = index_t{2} << 20;  // of weights in memory at once
};

inline constexpr program_source contrast_program{"contrast", {tile_source, R"CL(
// What a query has seen of its scores: the largest, the sum of exp(score - largest), its own; and best, the lowest key
// with the largest.
typedef struct {
  float largest, sum, own;
  int best;
} seen_scores;

// `other` has seen other keys, or none.
seen_scores merged(seen_scores seen, seen_scores other) {
  seen.own += other.own;
  if (other.best < 0) return seen;
  bool const wins =
      seen.best < 0 || other.largest > seen.largest || (other.largest == seen.largest && other.best < seen.best);
  float const top = wins ? other.largest : seen.largest;
  seen.sum = (seen.best < 0 ? 0.0f : seen.sum * exp(seen.largest - top)) + other.sum * exp(other.largest - top);
  seen.largest = top;
  if (wins) seen.best = other.best;
  return seen;
}

// parts [splits, m]: what each query sees in each split of the keys. A group per tile of queries and split. Without
// target query i has key i.
kernel void contrast_scores(long m, long n, long columns, long keys_per_split, MATRIX(float const, q),
                            MATRIX(float const, keys), float temperature, ARRAY(int const, target),
                            ARRAY(float, parts), local float* a_tile, local float* b_tile, local float* seen_tile) {
  long const q_begin = get_group_id(0) * SIDE, low = get_group_id(1) * keys_per_split;
  long const high = min(n, low + keys_per_split);
  float largest[8], sum[8], own[8];
  int best[8];
  for (int r = 0; r < 8; ++r) {
    largest[r] = -INFINITY;
    sum[r] = own[r] = 0;
    best[r] = -1;
  }
  for (long key_begin = low; key_begin < high; key_begin += SIDE) {
    float8 values[8];
    tile_product(values, ROW(q, q_begin), 1, q_stride, m - q_begin, ROW(keys, key_begin), 1, keys_stride,
                 high - key_begin, columns, a_tile, b_tile);
    for (int r = 0; r < 8; ++r) {
      long const query = q_begin + tile_row() + r;
      if (query >= m) continue;
      long const wanted = GIVEN(target) ? DATA(target)[query] : query;
      float scores[8];
      vstore8(values[r], 0, scores);
      for (int k = 0; k < 8; ++k) {
        long const key = key_begin + tile_column() + k;
        if (key >= high) continue;
        float const score = scores[k] / temperature;
        if (key == wanted) own[r] = score;
        if (best[r] < 0 || score > largest[r]) {
          sum[r] = best[r] < 0 ? 1.0f : sum[r] * exp(largest[r] - score) + 1;
          largest[r] = score;
          best[r] = key;
        } else {
          sum[r] += exp(score - largest[r]);
        }
      }
    }
  }
  // Item k merges what the eight items of row k have seen: [SIDE, 8] of each member.
  local float* const largest_tile = seen_tile;
  local float* const sum_tile = seen_tile + SIDE * 8;
  local float* const own_tile = seen_tile + SIDE * 16;
  local float* const best_tile = seen_tile + SIDE * 24;
  for (int r = 0; r < 8; ++r) {
    int const at = (tile_row() + r) * 8 + get_local_id(0) % 8;
    largest_tile[at] = largest[r];
    sum_tile[at] = sum[r];
    own_tile[at] = own[r];
    best_tile[at] = as_float(best[r]);
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  int const mine = get_local_id(0);
  if (q_begin + mine >= m) return;
  seen_scores all = {-INFINITY, 0, 0, -1};
  for (int k = 0; k < 8; ++k) {
    int const at = mine * 8 + k;
    seen_scores const part = {largest_tile[at], sum_tile[at], own_tile[at], as_int(best_tile[at])};
    all = merged(all, part);
  }
  vstore4((float4)(all.largest, all.sum, all.own, as_float(all.best)), get_group_id(1) * m + q_begin + mine,
          DATA(parts));
}

// lse, loss and whether the target is best, of each query.
kernel void contrast_results(long m, long splits, ARRAY(float const, parts), ARRAY(int const, target),
                             ARRAY(float, lse), ARRAY(float, losses), ARRAY(int, hits)) {
  long const query = get_global_id(0);
  if (query >= m) return;
  seen_scores seen = {-INFINITY, 0, 0, -1};
  for (long split = 0; split < splits; ++split) {
    float4 const part = vload4(split * m + query, DATA(parts));
    seen_scores const other = {part.x, part.y, part.z, as_int(part.w)};
    seen = merged(seen, other);
  }
  float const log_sum = log(seen.sum);
  DATA(lse)[query] = seen.largest + log_sum;
  DATA(losses)[query] = (seen.largest - seen.own) + log_sum;  // not from lse: both may be large
  DATA(hits)[query] = seen.best == (GIVEN(target) ? DATA(target)[query] : query) ? 1 : 0;
}

// weights [rows, count] = factor times the loss's slope by the score of own row own_begin + i and other row j: a term
// for each side whose lse is given, seen from that side. Without targets row i has row i.
kernel void contrast_weights(long own_begin, long rows, long count, long columns, MATRIX(float const, own),
                             MATRIX(float const, others), float temperature, ARRAY(float const, own_lse),
                             ARRAY(int const, own_target), ARRAY(float const, other_lse),
                             ARRAY(int const, other_target), float factor, MATRIX(float, weights),
                             local float* a_tile, local float* b_tile) {
  long const row_begin = get_group_id(0) * SIDE, other_begin = get_group_id(1) * SIDE;
  float8 values[8];
  tile_product(values, ROW(own, own_begin + row_begin), 1, own_stride, rows - row_begin, ROW(others, other_begin), 1,
               others_stride, count - other_begin, columns, a_tile, b_tile);
  for (int r = 0; r < 8; ++r) {
    long const row = row_begin + tile_row() + r, i = own_begin + row;
    if (row >= rows) continue;
    float scores[8];
    vstore8(values[r], 0, scores);
    for (int k = 0; k < 8; ++k) {
      long const j = other_begin + tile_column() + k;
      if (j >= count) continue;
      float const score = scores[k] / temperature;
      float weight = 0;
      if (GIVEN(own_lse))
        weight += exp(score - DATA(own_lse)[i]) - ((GIVEN(own_target) ? DATA(own_target)[i] : i) == j ? 1.0f : 0.0f);
      if (GIVEN(other_lse))
        weight +=
            exp(score - DATA(other_lse)[j]) - ((GIVEN(other_target) ? DATA(other_target)[j] : j) == i ? 1.0f : 0.0f);
      ROW(weights, row)[j] = factor * weight;
    }
  }
}
)CL"}};

/// lse, losses and hits, [m] each; target nullptr: query i has key i.
inline void contrast_forward(context const& c, char const* op, tensor_view<float const, 2, context> q,
                             tensor_view<float const, 2, context> keys, double temperature, std::int32_t const* target,
                             float* lse, float* losses, std::int32_t* hits) {
  using tuning = contrast_tuning;
  index_t const m = q.extent(0), n = keys.extent(0), splits = ceil_div(n, tuning::keys_per_split);
  if (m == 0) return;
  tensor<float, 1, context> parts(c, shape{splits * m * 4});
  launch(c, op, contrast_program, "contrast_scores", work{ceil_div(m, tile_tuning::side), splits}, m, n, q.extent(1),
         tuning::keys_per_split, matrix(q), matrix(keys), static_cast<float>(temperature), target, parts.data_handle(),
         tile_tuning::factor, tile_tuning::factor, local_bytes{tile_tuning::side * 8 * 4 * sizeof(float)});
  launch(c, op, contrast_program, "contrast_results", items(m), m, splits,
         static_cast<float const*>(parts.data_handle()), target, lse, losses, hits);
}

/// One side of the scores of a loss: the gradient's own rows, or the others.
struct contrast_side {
  tensor_view<float const, 2, context> x;
  float const* lse = nullptr;             // nullptr: no term of the loss is a mean over these rows
  std::int32_t const* target = nullptr;  // nullptr: row i has row i of the other side
};

/// out = or += scale times, per own row, the sum over the others of the loss's slope by their score times the other.
inline void contrast_gradient(context const& c, char const* op, contrast_side const& own, contrast_side const& others,
                              double temperature, double scale, tensor_view<float, 2, context> out, write_mode mode) {
  index_t const rows = own.x.extent(0), count = others.x.extent(0), columns = own.x.extent(1);
  if (rows == 0 || count == 0) return;
  index_t const tiles = (std::max)(index_t{1}, contrast_tuning::strip_floats / (count * tile_tuning::side));
  index_t const strip = (std::min)(rows, tiles * tile_tuning::side);
  tensor<float, 2, context> weights(c, shape{strip, count});
  for (index_t begin = 0; begin < rows; begin += strip) {
    tensor_view<float, 2, context> const part = weights.view().rows(0, (std::min)(strip, rows - begin));
    index_t const height = part.extent(0);
    launch(c, op, contrast_program, "contrast_weights",
           work{ceil_div(height, tile_tuning::side), ceil_div(count, tile_tuning::side)}, begin, height, count, columns,
           matrix(own.x), matrix(others.x), static_cast<float>(temperature), own.lse, own.target, others.lse,
           others.target, static_cast<float>(scale), matrix(part), tile_tuning::factor, tile_tuning::factor);
    multiply(c, op, factor::rows_of(part), factor::columns_of(others.x), out.rows(begin, height), mode);
  }
}

}  // namespace scale::opencl::detail
