// SPDX-License-Identifier: Apache-2.0
#pragma once
// Top-k search on the CPU: scores in tiles, one bounded heap per query.

#include <scale/cpu/detail/contrast.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/top_k.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace scale::cpu {

namespace detail {

struct scored_row {
  float score;
  std::int32_t index;
};

/// Whether x ranks before y.
inline bool ranks_before(scored_row const& x, scored_row const& y) {
  return x.score > y.score || (x.score == y.score && x.index < y.index);
}

/// Takes scores of rows [first, first + n) into `best`, a heap of at most k with its last rank on top. Rows come in
/// ascending order, so an equal score never displaces one that is there. NaN ranks with minus infinity.
inline void keep_best(std::vector<scored_row>& best, std::size_t k, float const* scores, index_t n, index_t first) {
  for (index_t j = 0; j < n; ++j) {
    float const score = scores[j] == scores[j] ? scores[j] : -std::numeric_limits<float>::infinity();
    if (best.size() == k) {
      if (!(score > best.front().score)) continue;
      std::pop_heap(best.begin(), best.end(), ranks_before);
      best.pop_back();
    }
    best.push_back({score, static_cast<std::int32_t>(first + j)});
    std::push_heap(best.begin(), best.end(), ranks_before);
  }
}

}  // namespace detail

template <cpu_element T>
void top_k_dot(context const& c, tensor_view<T const, 2, context> queries, top_k_dot_args<T, context> const& a) {
  using detail::range;
  index_t const k = a.score.extent(1);
  if (k == 0) return;
  auto const q = detail::matrix_of(queries), bank = detail::matrix_of(a.bank);
  detail::even_parts const blocks(q.rows, std::clamp((q.rows + 15) / 16, index_t{32}, detail::tile_rows));
  detail::even_parts const tiles(bank.rows, detail::tile_columns);
  detail::parallel_for(c, blocks.count, 1, [&](index_t begin, index_t end) {
    context const alone(1);
    std::vector<float> scratch(static_cast<std::size_t>(blocks.largest() * tiles.largest()));
    std::vector<float> tops(static_cast<std::size_t>(blocks.largest()));
    std::vector<std::vector<detail::scored_row>> best(static_cast<std::size_t>(blocks.largest()));
    for (index_t block = begin; block < end; ++block) {
      range const rows = blocks[block];
      index_t const height = rows.end - rows.begin;
      for (auto& one : best) one.clear();
      for (index_t tile = 0; tile < tiles.count; ++tile) {
        range const columns = tiles[tile];
        index_t const width = columns.end - columns.begin;
        detail::multiply(alone, "top_k_dot", detail::rows_of(q, rows), detail::rows_of(bank, columns).flipped(),
                         detail::matrix<float>{scratch.data(), height, width, width, 1});
        detail::simd_dispatch([&] {
          for (index_t i = 0; i < height; ++i)
            tops[static_cast<std::size_t>(i)] = detail::largest(scratch.data() + i * width, width);
        });
        for (index_t i = 0; i < height; ++i) {
          std::vector<detail::scored_row>& found = best[static_cast<std::size_t>(i)];
          bool const full = found.size() == static_cast<std::size_t>(k);
          if (full && !(tops[static_cast<std::size_t>(i)] > found.front().score)) continue;
          detail::keep_best(found, static_cast<std::size_t>(k), scratch.data() + i * width, width, columns.begin);
        }
      }
      for (index_t i = 0; i < height; ++i) {
        std::vector<detail::scored_row>& found = best[static_cast<std::size_t>(i)];
        std::sort(found.begin(), found.end(), detail::ranks_before);
        for (index_t rank = 0; rank < k; ++rank) {
          a.score(rows.begin + i, rank) = found[static_cast<std::size_t>(rank)].score;
          a.index(rows.begin + i, rank) = found[static_cast<std::size_t>(rank)].index;
        }
      }
    }
  });
}

}  // namespace scale::cpu
