// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels of top_k_dot: scores tile by tile; each query keeps its sorted list of the best so far, which few scores get
// into.

#include <scale/cuda/detail/rows.cuh>
#include <scale/cuda/detail/score_tile.cuh>
#include <scale/cuda/top_k.hpp>

#include <algorithm>

namespace scale::cuda::detail {

struct top_k_tuning {
  static constexpr index_t wanted_blocks = 256;     // the bank is split where there are fewer blocks of queries
  static constexpr index_t least_per_split = 2048;  // rows of the bank; a multiple of a tile
};

/// The best of one query so far, in descending order; of equal scores the one that came first. Used by a whole warp.
struct best_list {
  float* score;
  std::int32_t* index;
  index_t count, capacity;

  /// Whether a later row with this score gets in.
  __device__ bool takes(float s) const { return count < capacity || s > score[capacity - 1]; }

  __device__ void insert(float s, std::int32_t row) {
    index_t low = 0, high = count;
    while (low < high) {
      index_t const middle = (low + high) / 2;
      if (score[middle] >= s)
        low = middle + 1;
      else
        high = middle;
    }
    if (count < capacity) ++count;
    for (index_t end = count - 1; end > low;) {  // places low to end - 1 move up, the last ones first
      index_t const begin = end - warp_size > low ? end - warp_size : low, mine = begin + lane_number();
      float const moved = mine < end ? score[mine] : 0.0f;
      std::int32_t const moved_index = mine < end ? index[mine] : 0;
      __syncwarp();
      if (mine < end) score[mine + 1] = moved, index[mine + 1] = moved_index;
      __syncwarp();
      end = begin;
    }
    __syncwarp();  // every lane has found the place
    if (lane_number() == 0) score[low] = s, index[low] = row;
    __syncwarp();
  }

  /// The lanes' scores, lane 0 first, for as many lanes as `valid` says.
  __device__ void insert_lanes(float s, std::int32_t row, bool valid) {
    unsigned waiting = __ballot_sync(whole_warp, valid && takes(s));
    for (; waiting != 0; waiting &= waiting - 1) {
      int const lane = __ffs(static_cast<int>(waiting)) - 1;
      float const next = __shfl_sync(whole_warp, s, lane);
      std::int32_t const next_row = __shfl_sync(whole_warp, row, lane);
      if (takes(next)) insert(next, next_row);
    }
  }
};

/// Lists [splits, m, capacity] of the best rows within each split of the bank; rows of a list `stride` apart.
template <class T>
SCALE_KERNEL top_k_kernel(matrix<T const> queries, index_t m, matrix<T const> bank, index_t n, index_t d,
                          index_t per_split, index_t k, matrix<float> score, matrix<std::int32_t> index) {
  using tile = score_tile;
  constexpr int warps = tile::block / warp_size, per_warp = tile::side / warps;
  float* const shared = shared_memory<float>();
  float* const scores = shared + tile::shared_floats;  // [side, pitch]
  index_t const begin = static_cast<index_t>(blockIdx.x) * tile::side;
  index_t const low = static_cast<index_t>(blockIdx.y) * per_split;
  index_t const high = low + per_split < n ? low + per_split : n;
  int const warp = static_cast<int>(threadIdx.x) / warp_size;
  index_t counts[per_warp] = {};
  for (index_t rows = low; rows < high; rows += tile::side) {
    tile found;
    found.compute(queries, begin, m, bank, rows, high, d, shared);
    for (int i = 0; i < tile::per_thread; ++i)
      for (int j = 0; j < tile::per_thread; ++j)
        scores[(tile::row() + i) * tile::pitch + tile::other() + j] = found.value[i][j];
    __syncthreads();
    for (int q = 0; q < per_warp; ++q) {
      int const own = warp * per_warp + q;
      if (begin + own >= m) continue;  // the whole warp
      index_t const place = static_cast<index_t>(blockIdx.y) * m + begin + own;
      best_list list{score.row(place), index.row(place), counts[q], k < high - low ? k : high - low};
      for (int part = 0; part < tile::side; part += warp_size) {
        int const other = part + lane_number();
        list.insert_lanes(scores[own * tile::pitch + other], static_cast<std::int32_t>(rows + other),
                          rows + other < high);
      }
      counts[q] = list.count;
    }
    __syncthreads();
  }
}

/// A warp per query: the best of the lists of all splits, which hold k places each, those of short splits fewer
/// entries.
SCALE_KERNEL top_k_merge_kernel(matrix<float> part_score, matrix<std::int32_t> part_index, index_t splits,
                                index_t per_split, index_t n, index_t m, index_t k, matrix<float> score,
                                matrix<std::int32_t> index) {
  index_t const query = warp_row();
  if (query >= m) return;  // the whole warp
  best_list list{score.row(query), index.row(query), 0, k};
  for (index_t split = 0; split < splits; ++split) {
    index_t const rows = n - split * per_split < per_split ? n - split * per_split : per_split;
    index_t const entries = k < rows ? k : rows, place = split * m + query;
    for (index_t base = 0; base < entries; base += warp_size) {
      index_t const entry = base + lane_number();
      bool const valid = entry < entries;
      list.insert_lanes(valid ? part_score.row(place)[entry] : 0.0f, valid ? part_index.row(place)[entry] : 0, valid);
    }
  }
}

template <class T>
void launch_top_k_dot(context const& c, tensor_view<T const, 2, context> queries, top_k_dot_args<T, context> const& a) {
  constexpr auto op = "top_k_dot";
  using tile = score_tile;
  using tuning = top_k_tuning;
  index_t const m = queries.extent(0), n = a.bank.extent(0), k = a.score.extent(1), d = queries.extent(1);
  if (m == 0 || k == 0) return;
  index_t const tiles = ceil_div(m, tile::side);
  index_t const wanted = ceil_div(tuning::wanted_blocks, tiles);
  index_t const per_split = ceil_div((std::max)(tuning::least_per_split, ceil_div(n, wanted)), tile::side) * tile::side;
  index_t const splits = ceil_div(n, per_split);
  std::size_t const shared = (tile::shared_floats + tile::side * tile::pitch) * sizeof(float);
  if (splits == 1) {
    launch(c, op, top_k_kernel<T>, blocks(tiles), tile::block, shared, queries, m, a.bank, n, d, per_split, k, a.score,
           a.index);
    return;
  }
  tensor<float, 2, context> score(c, shape{splits * m, k});
  tensor<std::int32_t, 2, context> index(c, shape{splits * m, k});
  launch(c, op, top_k_kernel<T>, blocks(tiles, splits), tile::block, shared, queries, m, a.bank, n, d, per_split, k,
         score.view(), index.view());
  launch_rows(c, op, m, top_k_merge_kernel, score.view(), index.view(), splits, per_split, n, m, k, a.score, a.index);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_TOP_K(T)                                                                        \
  template void scale::cuda::detail::launch_top_k_dot<T>(scale::cuda::context const&,                          \
                                                         scale::tensor_view<T const, 2, scale::cuda::context>, \
                                                         scale::top_k_dot_args<T, scale::cuda::context> const&);
