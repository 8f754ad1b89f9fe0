// SPDX-License-Identifier: Apache-2.0
#pragma once
// What both InfoNCE losses are made of: log-sum-exp of each query's scores with all keys, and gradients by the scores
// times the other side. Scores are computed tile by tile, and again where they are needed again.

#include <scale/core/tensor.hpp>
#include <scale/cuda/detail/score_tile.cuh>
#include <scale/ops/write_mode.hpp>

#include <cstdint>

namespace scale::cuda::detail {

struct contrast_tuning {
  static constexpr index_t keys_per_split = 1024;  // a block sees so many keys; a multiple of a tile
  static constexpr int columns = 128;              // of a gradient per block
  static constexpr int columns_per_thread = columns / score_tile::across;
};

/// What a query has seen of its scores. best is the lowest key with the largest score; sum is of exp(score - largest).
struct seen_scores {
  float largest = -INFINITY, sum = 0, own = 0;
  std::int32_t best = -1;

  __device__ void add(float score, index_t key) {
    if (score > largest) {
      sum = sum * expf(largest - score) + 1;
      largest = score;
      best = static_cast<std::int32_t>(key);
    } else {
      sum += expf(score - largest);
    }
  }

  /// `other` has seen other keys.
  __device__ void merge(seen_scores const& other) {
    own += other.own;
    if (other.sum == 0) return;
    bool const wins = other.largest > largest || (other.largest == largest && other.best < best);
    float const top = wins ? other.largest : largest;
    sum = (sum == 0 ? 0.0f : sum * expf(largest - top)) + other.sum * expf(other.largest - top);
    largest = top;
    if (wins) best = other.best;
  }

  __device__ seen_scores of_lane(int distance) const {
    seen_scores result;
    result.largest = __shfl_xor_sync(whole_warp, largest, distance);
    result.sum = __shfl_xor_sync(whole_warp, sum, distance);
    result.own = __shfl_xor_sync(whole_warp, own, distance);
    result.best = __shfl_xor_sync(whole_warp, best, distance);
    return result;
  }
};

/// parts [splits, m]: what each query sees in each split of the keys. A block per 64 queries and split. target nullptr:
/// query i has key i.
template <class T>
SCALE_KERNEL contrast_scores_kernel(matrix<T const> q, index_t m, matrix<T const> keys, index_t n, index_t c,
                                    float temperature, std::int32_t const* target, seen_scores* parts) {
  using tile = score_tile;
  float* const shared = shared_memory<float>();
  index_t const q_begin = static_cast<index_t>(blockIdx.x) * tile::side;
  index_t const low = static_cast<index_t>(blockIdx.y) * contrast_tuning::keys_per_split;
  index_t const high = low + contrast_tuning::keys_per_split < n ? low + contrast_tuning::keys_per_split : n;
  seen_scores seen[tile::per_thread];
  for (index_t key_begin = low; key_begin < high; key_begin += tile::side) {
    tile scores;
    scores.compute(q, q_begin, m, keys, key_begin, high, c, shared);
    for (int i = 0; i < tile::per_thread; ++i) {
      index_t const query = q_begin + tile::row() + i;
      if (query >= m) continue;
      index_t const wanted = target != nullptr ? target[query] : query;
      for (int j = 0; j < tile::per_thread; ++j) {
        index_t const key = key_begin + tile::other() + j;
        if (key >= high) continue;
        float const score = scores.value[i][j] / temperature;
        if (key == wanted) seen[i].own = score;
        seen[i].add(score, key);
      }
    }
  }
  for (int i = 0; i < tile::per_thread; ++i) {
    for (int distance = 1; distance < tile::across; distance *= 2) seen[i].merge(seen[i].of_lane(distance));
    index_t const query = q_begin + tile::row() + i;
    if (tile::other() == 0 && query < m) parts[static_cast<index_t>(blockIdx.y) * m + query] = seen[i];
  }
}

/// lse, loss and whether the target is best, of each query.
SCALE_KERNEL contrast_results_kernel(seen_scores const* parts, index_t splits, index_t m, std::int32_t const* target,
                                     float* lse, float* losses, std::int32_t* hits) {
  index_t const query = static_cast<index_t>(blockIdx.x) * static_cast<index_t>(blockDim.x) + threadIdx.x;
  if (query >= m) return;
  seen_scores seen = parts[query];
  for (index_t split = 1; split < splits; ++split) seen.merge(parts[split * m + query]);
  float const log_sum = logf(seen.sum);
  lse[query] = seen.largest + log_sum;
  losses[query] = (seen.largest - seen.own) + log_sum;  // not from lse: both may be large
  hits[query] = seen.best == (target != nullptr ? target[query] : static_cast<std::int32_t>(query)) ? 1 : 0;
}

/// lse, losses and hits, [m] each.
template <class T>
void contrast_forward(context const& c, char const* op, tensor_view<T const, 2, context> q,
                      tensor_view<T const, 2, context> keys, double temperature, std::int32_t const* target, float* lse,
                      float* losses, std::int32_t* hits) {
  index_t const m = q.extent(0), n = keys.extent(0), splits = ceil_div(n, contrast_tuning::keys_per_split);
  if (m == 0) return;
  device_buffer const parts = c.allocate(static_cast<std::size_t>(splits * m) * sizeof(seen_scores));
  auto* const seen = static_cast<seen_scores*>(parts.data());
  launch(c, op, contrast_scores_kernel<T>, blocks(ceil_div(m, score_tile::side), splits), score_tile::block,
         score_tile::shared_floats * sizeof(float), q, m, keys, n, q.extent(1), static_cast<float>(temperature), target,
         seen);
  launch(c, op, contrast_results_kernel, blocks(ceil_div(m, 128)), 128, 0, seen, splits, m, target, lse, losses, hits);
}

/// out = or += factor * sum over the others j of weight(score, i, j) * other_j. A block per 64 rows and 128 columns.
template <class T, class Weight>
SCALE_KERNEL contrast_gradient_kernel(matrix<T const> own, index_t rows, matrix<T const> others, index_t count,
                                      index_t c, float temperature, Weight weight, float factor, matrix<T> out,
                                      write_mode mode) {
  using tile = score_tile;
  constexpr int columns = contrast_tuning::columns, per_thread = contrast_tuning::columns_per_thread;
  float* const shared = shared_memory<float>();         // of the scores; then [depth, columns] of the others
  float* const weights = shared + tile::shared_floats;  // [side of others, pitch of rows]
  index_t const row_begin = static_cast<index_t>(blockIdx.x) * tile::side;
  index_t const column_begin = static_cast<index_t>(blockIdx.y) * columns;
  int const thread = static_cast<int>(threadIdx.x), own_column = thread % tile::across;
  float sums[tile::per_thread][per_thread] = {};
  for (index_t begin = 0; begin < count; begin += tile::side) {
    tile scores;
    scores.compute(own, row_begin, rows, others, begin, count, c, shared);
    for (int i = 0; i < tile::per_thread; ++i)
      for (int j = 0; j < tile::per_thread; ++j) {
        index_t const row = row_begin + tile::row() + i, other = begin + tile::other() + j;
        weights[(tile::other() + j) * tile::pitch + tile::row() + i] =
            row < rows && other < count ? weight(scores.value[i][j] / temperature, row, other) : 0.0f;
      }
    for (int part = 0; part < tile::side; part += tile::depth) {
      for (int k = thread; k < tile::depth * columns; k += tile::block) {
        index_t const other = begin + part + k / columns, column = column_begin + k % columns;
        shared[k] = other < count && column < c ? static_cast<float>(others.row(other)[column]) : 0.0f;
      }
      __syncthreads();
      for (int k = 0; k < tile::depth; ++k) {
        lanes<tile::per_thread> const w = load<tile::per_thread>(weights + (part + k) * tile::pitch + tile::row());
        for (int j = 0; j < per_thread; ++j) {
          float const value = shared[k * columns + j * tile::across + own_column];
          for (int i = 0; i < tile::per_thread; ++i) sums[i][j] += w[i] * value;
        }
      }
      __syncthreads();
    }
  }
  for (int i = 0; i < tile::per_thread; ++i)
    for (int j = 0; j < per_thread; ++j) {
      index_t const row = row_begin + tile::row() + i, column = column_begin + j * tile::across + own_column;
      if (row >= rows || column >= c) continue;
      T* const to = out.row(row) + column;
      float const value = factor * sums[i][j];
      *to = T(mode == write_mode::accumulate ? static_cast<float>(*to) + value : value);
    }
}

template <class T, class Weight>
void contrast_gradient(context const& c, char const* op, tensor_view<T const, 2, context> own,
                       tensor_view<T const, 2, context> others, double temperature, Weight const& weight, double factor,
                       tensor_view<T, 2, context> out, write_mode mode) {
  using tile = score_tile;
  static_assert(tile::depth * contrast_tuning::columns <= tile::shared_floats);
  index_t const rows = own.extent(0), columns = own.extent(1);
  launch(c, op, contrast_gradient_kernel<T, Weight>,
         blocks(ceil_div(rows, tile::side), ceil_div(columns, contrast_tuning::columns)), tile::block,
         (tile::shared_floats + tile::side * tile::pitch) * sizeof(float), own, rows, others, others.extent(0), columns,
         static_cast<float>(temperature), weight, static_cast<float>(factor), out, mode);
}

}  // namespace scale::cuda::detail
