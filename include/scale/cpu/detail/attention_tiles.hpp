// SPDX-License-Identifier: Apache-2.0
#pragma once
// Attention over many tokens: matrix products of oneDNN for a head and a block of queries at a time, softmax between
// them while the block's scores lie in cache. No more scores exist than a block's per thread.

#include <scale/cpu/detail/attention_block.hpp>
#include <scale/cpu/detail/isa.hpp>
#include <scale/cpu/detail/matmul.hpp>
#include <scale/cpu/detail/parallel.hpp>
#include <scale/ops/attention.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace scale::cpu::detail {

/// From here on products of blocks are faster than one query at a time.
inline constexpr index_t many_tokens = 64;

/// Whether attention_by_tiles does what is asked: all tokens are queries, all exist, and nothing is dropped.
template <class T>
bool suits_tiles(tensor_view<T const, 2, context> const& q, attention_forward_args<T, context> const& a) {
  return a.tokens >= many_tokens && q.extent(0) == a.k.extent(0) && !a.rows.has_data() && !a.lengths.has_data() &&
         a.dropout == 0;
}

/// Queries of a block: near-equal parts of a set of at most 112, fewer where the scores of 112 are above 1.5 MB.
inline index_t tile_queries(index_t tokens) {
  index_t const most = (std::max)(index_t{32}, (std::min)(index_t{112}, 393216 / tokens));
  index_t const blocks = (tokens + most - 1) / most;
  return (tokens + blocks - 1) / blocks;
}

/// q, k and v as in attention_forward; `scale` multiplies the scores.
template <class T>
void attention_by_tiles(context const& c, tensor_view<T const, 2, context> const& q,
                        attention_forward_args<T, context> const& a, T scale) {
  index_t const width = q.extent(1) / a.heads, tokens = a.tokens, padded = padded_keys(tokens);
  index_t const most = tile_queries(tokens), blocks = (tokens + most - 1) / most, sets = q.extent(0) / tokens;
  parallel_for(c, sets * a.heads * blocks, 1, [&](index_t begin, index_t end) {
    context const one(1);
    std::vector<T> scaled(static_cast<std::size_t>(most * width)), scores(static_cast<std::size_t>(most * padded));
    for (index_t unit = begin; unit < end; ++unit) {
      index_t const first = unit % blocks * most, count = (std::min)(most, tokens - first);
      index_t const column = unit / blocks % a.heads * width, set = unit / blocks / a.heads * tokens;
      T const* const from = q.data_handle() + (set + first) * q.stride(0) + column;
      simd_dispatch([&] {
        for (index_t i = 0; i < count; ++i) {
          T const* const in = from + i * q.stride(0);
          T* const to = scaled.data() + i * width;
#pragma omp simd
          for (index_t d = 0; d < width; ++d) to[d] = scale * in[d];
        }
      });
      auto const rows_of = [&](tensor_view<T const, 2, context> const& m) {
        return matrix{const_cast<T*>(m.data_handle()) + set * m.stride(0) + column, tokens, width, m.stride(0), 1};
      };
      matrix const weights{scores.data(), count, tokens, padded, 1};
      multiply(one, "attention_forward", {scaled.data(), count, width, width, 1}, rows_of(a.k).flipped(), weights);
      simd_dispatch([&] {
        for (index_t i = 0; i < count; ++i) softmax_of_keys(scores.data() + i * padded, tokens);
      });
      if (a.probs.has_data()) {
        index_t const head = column / width;
        for (index_t i = 0; i < count; ++i)
          std::copy_n(scores.data() + i * padded, tokens,
                      a.probs.data_handle() + ((set + first + i) * a.heads + head) * tokens);
      }
      T* const out = a.out.data_handle() + (set + first) * a.out.stride(0) + column;
      multiply(one, "attention_forward", weights, rows_of(a.v), {out, count, width, a.out.stride(0), 1});
    }
  });
}

}  // namespace scale::cpu::detail
