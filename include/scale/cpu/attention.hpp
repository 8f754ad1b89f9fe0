// SPDX-License-Identifier: Apache-2.0
#pragma once
// Attention on the CPU: own vector code for small sets, tiles of matrix products for large ones; sets, heads and blocks
// of queries over the threads.

#include <scale/cpu/detail/attention_block.hpp>
#include <scale/cpu/detail/attention_tiles.hpp>
#include <scale/cpu/detail/dropout_mask.hpp>
#include <scale/cpu/detail/isa.hpp>
#include <scale/cpu/detail/parallel.hpp>
#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/attention.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace scale::cpu {

namespace detail {

/// Queries [begin, end) of one set: those before `existing` exist, the others lie beyond the set's length.
struct query_block {
  index_t set, begin, existing, end;
};

/// The queries of each set in turn, cut into blocks of at most `most`. A set without queries has one empty block.
template <class Args>
std::vector<query_block> query_blocks(Args const& a, index_t queries, index_t most) {
  index_t const sets = a.k.extent(0) / a.tokens;
  std::vector<query_block> blocks;
  blocks.reserve(static_cast<std::size_t>(sets));
  auto const row = [&](index_t i) { return a.rows.has_data() ? index_t{a.rows(i)} : i; };
  index_t i = 0;
  for (index_t set = 0; set < sets; ++set) {
    index_t const limit = set * a.tokens + (a.lengths.has_data() ? index_t{a.lengths(set)} : a.tokens);
    do {
      query_block block{set, i, i, i};
      while (i < queries && row(i) < (set + 1) * a.tokens && i - block.begin < most) {
        if (row(i) < limit) block.existing = i + 1;
        ++i;
      }
      block.end = i;
      blocks.push_back(block);
    } while (i < queries && row(i) < (set + 1) * a.tokens);
  }
  return blocks;
}

/// Dropout's factors of a block of queries. For few tokens they are made for all heads of a query at once, because
/// numbers come 64 at a time.
template <class Args>
class attention_dropout {
 public:
  explicit attention_dropout(Args const& a) : a_(a), all_heads_(a.tokens < 64) {}

  bool on() const { return a_.dropout != 0; }

  SCALE_ALWAYS_INLINE void prepare(query_block const& block) {
    if (!on() || !all_heads_ || begin_ == block.begin) return;
    begin_ = block.begin;
    factors_.resize(static_cast<std::size_t>((block.existing - block.begin) * a_.heads * a_.tokens));
    for (index_t i = block.begin; i < block.existing; ++i)
      make(i, 0, a_.heads * a_.tokens, factors_.data() + (i - begin_) * a_.heads * a_.tokens);
  }

  /// weights[j] *= factor of (query i, head, key j) for j in [0, keys).
  SCALE_ALWAYS_INLINE void apply(index_t i, index_t head, index_t keys, float* weights) {
    float const* factors = factors_.data();
    if (all_heads_) {
      factors += ((i - begin_) * a_.heads + head) * a_.tokens;
    } else {
      factors_.resize(static_cast<std::size_t>(keys));
      make(i, head * a_.tokens, keys, factors_.data());
      factors = factors_.data();
    }
#pragma omp simd
    for (index_t j = 0; j < keys; ++j) weights[j] *= factors[j];
  }

 private:
  SCALE_ALWAYS_INLINE void make(index_t i, index_t offset, index_t n, float* out) {
    index_t const row = a_.rows.has_data() ? index_t{a_.rows(i)} : i;
    std::uint64_t const first = static_cast<std::uint64_t>(row * a_.heads * a_.tokens + offset);
    for (index_t made = 0; made < n; made += dropout_chunk)
      dropout_factors(a_.key, a_.dropout, first + static_cast<std::uint64_t>(made), (std::min)(dropout_chunk, n - made),
                      out + made);
  }

  Args const& a_;
  bool all_heads_;
  index_t begin_ = -1;  // of the block that factors_ holds
  std::vector<float> factors_;
};

template <class Args>
float score_scale(Args const& a, index_t width) {
  return static_cast<float>(a.scale != 0 ? a.scale : 1 / std::sqrt(static_cast<double>(width)));
}

}  // namespace detail

template <cpu_element T>
void attention_forward(context const& c, tensor_view<T const, 2, context> q,
                       attention_forward_args<T, context> const& a) {
  constexpr index_t most_queries = 128;
  index_t const width = q.extent(1) / a.heads;
  float const scale = detail::score_scale(a, width);
  if (detail::suits_tiles<T>(q, a)) {
    detail::attention_by_tiles<T>(c, q, a, scale);
    return;
  }
  std::vector<detail::query_block> const blocks = detail::query_blocks(a, q.extent(0), most_queries);
  // copies [tokens + 1, width]: of a set's values and of a query, where those are not float
  auto const one_block = [&](detail::query_block const& block, float* packed, float* weights, float* copies,
                             auto& dropout) {
    index_t const first_row = block.set * a.tokens;
    index_t const keys = a.lengths.has_data() ? index_t{a.lengths(block.set)} : a.tokens;
    if (block.begin == block.end) return;
    dropout.prepare(block);
    for (index_t head = 0; head < a.heads; ++head) {
      index_t const column = head * width;
      detail::float_rows const v =
          detail::in_float(a.v.data_handle() + first_row * a.v.stride(0) + column, a.v.stride(0), keys, width, copies);
      detail::pack_keys(a.k.data_handle() + first_row * a.k.stride(0) + column, a.k.stride(0), keys, width, packed);
      for (index_t i = block.begin; i < block.end; ++i) {
        T* const probs = a.probs.has_data() ? a.probs.data_handle() + (i * a.heads + head) * a.tokens : nullptr;
        T* const out = a.out.data_handle() + i * a.out.stride(0) + column;
        index_t const seen = i < block.existing ? keys : 0;
        if (seen != 0) {
          detail::float_rows const query = detail::in_float(q.data_handle() + i * q.stride(0) + column, q.stride(0), 1,
                                                            width, copies + keys * width);
          detail::dots_with_keys(query.data, width, packed, keys, scale, weights);
          detail::softmax_of_keys(weights, keys);
        }
        if (probs != nullptr)
          for (index_t j = 0; j < a.tokens; ++j) detail::round_to(probs[j], j < seen ? weights[j] : 0.0f);
        if (dropout.on() && seen != 0) dropout.apply(i, head, keys, weights);
        detail::weighted_rows<false>(seen, weights, 1, v.data, v.stride, width, out);
      }
    }
  };
  detail::parallel_for(c, static_cast<index_t>(blocks.size()), 1, [&](index_t begin, index_t end) {
    std::vector<float> packed(static_cast<std::size_t>(detail::padded_keys(a.tokens) * width));
    std::vector<float> weights(static_cast<std::size_t>(detail::padded_keys(a.tokens)));
    std::vector<float> copies(static_cast<std::size_t>((a.tokens + 1) * width));
    detail::attention_dropout dropout(a);
    for (index_t i = begin; i < end; ++i)
      detail::simd_dispatch([&] {
        one_block(blocks[static_cast<std::size_t>(i)], packed.data(), weights.data(), copies.data(), dropout);
      });
  });
}

template <cpu_element T>
void attention_backward(context const& c, tensor_view<T const, 2, context> q,
                        attention_backward_args<T, context> const& a) {
  constexpr index_t most_queries = 64;
  index_t const width = q.extent(1) / a.heads, sets = a.k.extent(0) / a.tokens;
  index_t const padded = detail::padded_keys(a.tokens);
  float const scale = detail::score_scale(a, width);
  std::vector<detail::query_block> const blocks = detail::query_blocks(a, q.extent(0), most_queries);
  std::vector<index_t> first_block(static_cast<std::size_t>(sets + 1), static_cast<index_t>(blocks.size()));
  for (index_t i = static_cast<index_t>(blocks.size()) - 1; i >= 0; --i)
    first_block[static_cast<std::size_t>(blocks[static_cast<std::size_t>(i)].set)] = i;

  // One set and head: its queries block by block; slopes and kept [queries, padded] of scores and of dropped weights;
  // copies, where elements are not float: of keys and of sums of dk and dv [3, tokens, width], and of a block's queries
  // and gradients [2, queries, width]
  index_t const most_of_block = (std::min)(most_queries, a.tokens);
  auto const one_head = [&](index_t set, index_t head, float* packed, float* slopes, float* kept, float* copies,
                            auto& dropout) {
    index_t const first_row = set * a.tokens, column = head * width;
    index_t const keys = a.lengths.has_data() ? index_t{a.lengths(set)} : a.tokens;
    index_t const room = a.tokens * width;
    detail::float_rows const k =
        detail::in_float(a.k.data_handle() + first_row * a.k.stride(0) + column, a.k.stride(0), keys, width, copies);
    T* const dk = a.dk.data_handle() + first_row * a.dk.stride(0) + column;
    T* const dv = a.dv.data_handle() + first_row * a.dv.stride(0) + column;
    detail::row_sums const dk_sums = detail::sums_for(dk, a.dk.stride(0), width, copies + room);
    detail::row_sums const dv_sums = detail::sums_for(dv, a.dv.stride(0), width, copies + 2 * room);
    for (index_t j = 0; j < a.tokens; ++j)
      for (index_t d = 0; d < width; ++d)
        dk_sums.data[j * dk_sums.stride + d] = dv_sums.data[j * dv_sums.stride + d] = 0;
    detail::pack_keys(a.v.data_handle() + first_row * a.v.stride(0) + column, a.v.stride(0), keys, width, packed);
    index_t const last_block = first_block[static_cast<std::size_t>(set + 1)];
    for (index_t b = first_block[static_cast<std::size_t>(set)]; b < last_block; ++b) {
      detail::query_block const& block = blocks[static_cast<std::size_t>(b)];
      if (block.begin == block.end) continue;
      if (dropout.on()) dropout.prepare(block);
      index_t const count = block.end - block.begin;
      detail::float_rows const queries = detail::in_float(q.data_handle() + block.begin * q.stride(0) + column,
                                                          q.stride(0), count, width, copies + 3 * room);
      detail::float_rows const douts =
          detail::in_float(a.dout.data_handle() + block.begin * a.dout.stride(0) + column, a.dout.stride(0), count,
                           width, copies + 3 * room + most_of_block * width);
      for (index_t i = block.begin; i < block.end; ++i) {
        index_t const seen = i < block.existing ? keys : 0;
        float* const slope = slopes + (i - block.begin) * padded;
        float* const weight = kept + (i - block.begin) * padded;
        if (seen != 0) {
          T const* const probs = a.probs.data_handle() + (i * a.heads + head) * a.tokens;
          detail::dots_with_keys(douts.data + (i - block.begin) * douts.stride, width, packed, keys, 1.0f, slope);
          index_t const filled = detail::padded_keys(keys);
          for (index_t j = 0; j < filled; ++j) weight[j] = j < keys ? float(probs[j]) : 0.0f;
          if (dropout.on()) dropout.apply(i, head, keys, slope);
          float const mean = detail::sum_lanes(filled, [=](index_t j) { return weight[j] * slope[j]; });
#pragma omp simd
          for (index_t j = 0; j < filled; ++j) slope[j] = scale * (weight[j] * (slope[j] - mean));
          if (dropout.on()) dropout.apply(i, head, keys, weight);
        }
        detail::weighted_rows<false>(seen, slope, 1, k.data, k.stride, width,
                                     a.dq.data_handle() + i * a.dq.stride(0) + column);
      }
      index_t const existing = block.existing - block.begin;
      for (index_t j = 0; j < keys; ++j) {
        detail::weighted_rows<true>(existing, slopes + j, padded, queries.data, queries.stride, width,
                                    dk_sums.data + j * dk_sums.stride);
        detail::weighted_rows<true>(existing, kept + j, padded, douts.data, douts.stride, width,
                                    dv_sums.data + j * dv_sums.stride);
      }
    }
    detail::round_sums(dk_sums, a.tokens, width, dk, a.dk.stride(0));
    detail::round_sums(dv_sums, a.tokens, width, dv, a.dv.stride(0));
  };
  detail::parallel_for(c, sets * a.heads, 1, [&](index_t begin, index_t end) {
    std::vector<float> packed(static_cast<std::size_t>(padded * width));
    std::vector<float> slopes(static_cast<std::size_t>(most_of_block * padded)), kept(slopes);
    index_t const copied_rows = 3 * a.tokens + 2 * most_of_block;
    std::vector<float> copies(static_cast<std::size_t>(copied_rows * width));
    detail::attention_dropout dropout(a);
    for (index_t unit = begin; unit < end; ++unit)
      detail::simd_dispatch([&] {
        one_head(unit / a.heads, unit % a.heads, packed.data(), slopes.data(), kept.data(), copies.data(), dropout);
      });
  });
}

}  // namespace scale::cpu
