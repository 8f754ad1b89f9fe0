// SPDX-License-Identifier: Apache-2.0
#pragma once
// Top-k search on the CPU: scores in tiles, one bounded heap per query.

#include <scale/core/host_buffer.hpp>
#include <scale/cpu/detail/contrast.hpp>
#include <scale/cpu/detail/packed_matmul.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/top_k.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
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

/// What some queries have found so far: the best k rows of each.
class found_rows {
 public:
  found_rows(index_t queries, index_t k) : k_(static_cast<std::size_t>(k)), best_(static_cast<std::size_t>(queries)) {}

  void clear() {
    for (auto& one : best_) one.clear();
  }

  /// Looks at scores [height, width] of queries from `query` on with rows of the bank from `first` on. Queries are each
  /// looked at by one thread at a time.
  void look_at(index_t query, index_t height, float const* scores, index_t width, index_t first) {
    constexpr index_t at_once = 64;
    for (index_t begin = 0; begin < height; begin += at_once) {
      index_t const count = (std::min)(at_once, height - begin);
      float tops[at_once];
      simd_dispatch([&] {
        for (index_t i = 0; i < count; ++i) tops[i] = largest(scores + (begin + i) * width, width);
      });
      for (index_t i = 0; i < count; ++i) {
        std::vector<scored_row>& best = best_[static_cast<std::size_t>(query + begin + i)];
        if (best.size() == k_ && !(tops[i] > best.front().score)) continue;
        keep_best(best, k_, scores + (begin + i) * width, width, first);
      }
    }
  }

  /// Writes the rows that query `query` found to row `to` of the result; they are no longer a heap then.
  template <class T>
  void write(index_t query, index_t to, top_k_dot_args<T, context> const& a) {
    std::vector<scored_row>& best = best_[static_cast<std::size_t>(query)];
    std::sort(best.begin(), best.end(), ranks_before);
    for (std::size_t rank = 0; rank < k_; ++rank) {
      a.score(to, static_cast<index_t>(rank)) = best[rank].score;
      a.index(to, static_cast<index_t>(rank)) = best[rank].index;
    }
  }

 private:
  std::size_t k_;
  std::vector<std::vector<scored_row>> best_;  // heaps
};

/// For few queries: each block of them goes over the bank as it lies.
template <class T>
void find_by_blocks(context const& c, tensor_view<T const, 2, context> queries, top_k_dot_args<T, context> const& a) {
  auto const q = matrix_of(queries), bank = matrix_of(a.bank);
  even_parts const blocks(q.rows, std::clamp((q.rows + 15) / 16, index_t{32}, tile_rows));
  even_parts const tiles(bank.rows, tile_columns);
  parallel_for(c, blocks.count, 1, [&](index_t begin, index_t end) {
    context const alone(1);
    std::vector<float> scratch(static_cast<std::size_t>(blocks.largest() * tiles.largest()));
    found_rows found(blocks.largest(), a.score.extent(1));
    for (index_t block = begin; block < end; ++block) {
      range const rows = blocks[block];
      index_t const height = rows.end - rows.begin;
      found.clear();
      for (index_t tile = 0; tile < tiles.count; ++tile) {
        range const columns = tiles[tile];
        index_t const width = columns.end - columns.begin;
        multiply(alone, "top_k_dot", rows_of(q, rows), rows_of(bank, columns).flipped(),
                 matrix<float>{scratch.data(), height, width, width, 1});
        found.look_at(0, height, scratch.data(), width, columns.begin);
      }
      for (index_t i = 0; i < height; ++i) found.write(i, rows.begin + i, a);
    }
  });
}

/// Queries from which on packing the bank is worth its time: its rows are then read this often.
inline constexpr index_t packed_queries = 4 * packed_block_rows;

/// For many queries: tile after tile of the bank is packed once, for all of them. 15 to 25 % faster, of which half is
/// that the bank is read from memory once.
template <class T>
void find_by_tiles(context const& c, tensor_view<T const, 2, context> queries, top_k_dot_args<T, context> const& a) {
  index_t const m = queries.extent(0), n = a.bank.extent(0), d = a.bank.extent(1), block = packed_block_rows;
  index_t const bank_stride = n == 1 ? d : a.bank.stride(0), most = (std::min)(n, 2 * tile_columns);
  found_rows found(m, a.score.extent(1));
  std::optional<packed_matmul<T, float>> whole, rest;
  host_buffer packed;
  memory_desc layout;
  for (index_t first = 0, made_for = 0; first < n; first += most) {
    index_t const width = (std::min)(most, n - first);
    if (width != made_for) {
      thread_scope const one(context(1));
      packed_matmul_shape sizes{block, d, width, queries.stride(0), width, false, write_mode::assign};
      whole.emplace(sizes);
      sizes.rows = m % block;
      if (sizes.rows != 0) rest.emplace(sizes);
      layout = packed_weight_layout<T>(d, width);
      packed = host_buffer(layout.get_size());
      made_for = width;
    }
    {
      thread_scope const threads(c);
      memory_desc const plain({d, width}, onednn_type<T>, memory_dims{1, bank_stride});
      dnnl::memory from(plain, onednn_engine(), const_cast<T*>(a.bank.data_handle()) + first * bank_stride);
      dnnl::memory to(layout, onednn_engine(), packed.data());
      dnnl::reorder(from, to).execute(onednn_stream(), from, to);
      onednn_stream().wait();
    }
    for (auto* const one : {&whole, &rest})
      if (*one) (*one)->use(static_cast<T const*>(packed.data()));
    std::size_t const scratch_bytes = (std::max)(whole->scratch_bytes(), rest ? rest->scratch_bytes() : 0);
    parallel_for(c, (m + block - 1) / block, 1, [&](index_t begin, index_t end) {
      thread_scope const one(context(1));
      host_buffer const scratch(scratch_bytes), scores(static_cast<std::size_t>(block * width) * sizeof(float));
      float* const values = static_cast<float*>(scores.data());
      for (index_t i = begin; i < end; ++i) {
        index_t const row = i * block, count = (std::min)(block, m - row);
        (count == block ? *whole : *rest)(queries.data_handle() + row * queries.stride(0), nullptr, values,
                                          scratch.data());
        found.look_at(row, count, values, width, first);
      }
    });
  }
  parallel_for(c, m, grain_for(a.score.extent(1) * 64), [&](index_t begin, index_t end) {
    for (index_t i = begin; i < end; ++i) found.write(i, i, a);
  });
}

}  // namespace detail

template <cpu_element T>
void top_k_dot(context const& c, tensor_view<T const, 2, context> queries, top_k_dot_args<T, context> const& a) {
  if (a.score.extent(1) == 0) return;
  if (queries.extent(0) < detail::packed_queries || queries.extent(1) == 0)
    return detail::find_by_blocks(c, queries, a);
  detail::onednn_call<T>("top_k_dot", [&] { detail::find_by_tiles(c, queries, a); });
}

}  // namespace scale::cpu
