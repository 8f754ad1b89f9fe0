// SPDX-License-Identifier: Apache-2.0
#pragma once
// Attention over many tokens: matrix products of oneDNN for a head and a block of queries at a time, softmax between
// them while the block's scores lie in cache. No more scores exist than a block's per thread.

#include <scale/core/host_buffer.hpp>
#include <scale/cpu/detail/attention_block.hpp>
#include <scale/cpu/detail/isa.hpp>
#include <scale/cpu/detail/packed_matmul.hpp>
#include <scale/cpu/detail/parallel.hpp>
#include <scale/cpu/detail/round_to.hpp>
#include <scale/ops/attention.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
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

/// A right-hand side [inputs, outputs] of T that many blocks of rows are multiplied with, packed once for all of them;
/// products are float. One object serves one thread, which has to be OpenMP's only one while it is used.
template <class T>
class tile_product {
 public:
  /// Products of blocks of `most` rows, and of `rest` where that is not 0, with rows `a_stride` apart.
  tile_product(index_t most, index_t rest, index_t inputs, index_t outputs, index_t a_stride, index_t c_stride)
      : layout_(packed_weight_layout<T>(inputs, outputs)),
        inputs_(inputs),
        outputs_(outputs),
        packed_(layout_.get_size()),
        whole_({most, inputs, outputs, a_stride, c_stride, false, write_mode::assign}) {
    if (rest != 0) rest_.emplace(packed_matmul_shape{rest, inputs, outputs, a_stride, c_stride, false, {}});
    scratch_ = host_buffer((std::max)(whole_.scratch_bytes(), rest_ ? rest_->scratch_bytes() : 0));
  }

  /// Takes the matrix whose element (i, o) lies at from[i * input_stride + o * output_stride].
  void pack(T const* from, index_t input_stride, index_t output_stride) {
    memory_desc const plain({inputs_, outputs_}, onednn_type<T>, memory_dims{input_stride, output_stride});
    dnnl::memory source(plain, onednn_engine(), const_cast<T*>(from));  // oneDNN's handles know no const
    dnnl::memory target(layout_, onednn_engine(), packed_.data());
    dnnl::reorder(source, target).execute(onednn_stream(), source, target);
    onednn_stream().wait();
    whole_.use(static_cast<T const*>(packed_.data()));
    if (rest_) rest_->use(static_cast<T const*>(packed_.data()));
  }

  /// c = a times the matrix, for a block of `most` rows (whole), or of `rest`.
  void operator()(bool whole, T const* a, float* c) const { (whole ? whole_ : *rest_)(a, nullptr, c, scratch_.data()); }

 private:
  memory_desc layout_;
  index_t inputs_, outputs_;
  host_buffer packed_, scratch_;
  packed_matmul<T, float> whole_;
  std::optional<packed_matmul<T, float>> rest_;
};

/// weights[j] = e^(scores[j] - the largest) for j in [0, keys), at most 2^-126 from there to padded_keys; returns their
/// sum. In float `weights` may be `scores`. In bf16 scores are still to be multiplied by `factor`, and become the
/// weights before these are rounded, as they are summed.
template <class T>
SCALE_ALWAYS_INLINE float exponentials_of_keys(float* scores, index_t keys, float factor, T* weights) {
  index_t const padded = padded_keys(keys);
  if constexpr (std::same_as<T, float>) {
    float const largest = largest_of_keys(scores, keys);
    return sum_lanes(padded, [=](index_t j) { return weights[j] = exp_of_negative(scores[j] - largest); });
  } else {
    if (factor < 0) {
#pragma omp simd
      for (index_t j = 0; j < keys; ++j) scores[j] = -scores[j];
    }
    float const slope = std::abs(factor) * 1.44269504f, shift = slope * largest_of_keys(scores, keys);
    float const sum =
        sum_lanes(padded, [=](index_t j) { return scores[j] = coarse_exp2_of_negative(slope * scores[j] - shift); });
#pragma omp simd
    for (index_t j = 0; j < padded; ++j) round_to(weights[j], scores[j]);  // a loop of its own: both vectorise
    return sum;
  }
}

/// What one thread needs for a block of queries: scores [queries, padded keys], which in float become the weights of
/// the values in place; in bf16 those lie apart.
template <class T>
class tile_memory {
 public:
  tile_memory(index_t queries, index_t padded, index_t width)
      : queries_(count(queries * width)),
        mixed_(count(queries * width)),
        sums_(count(queries)),
        scores_(count(queries * padded)),
        weights_(std::same_as<T, float> ? 0 : count(queries * padded)) {}

  T* queries() { return queries_.data(); }    // [queries, width]
  float* mixed() { return mixed_.data(); }    // [queries, width]
  float* sums() { return sums_.data(); }      // [queries]
  float* scores() { return scores_.data(); }  // [queries, padded]
  T* weights() {                              // [queries, padded]
    if constexpr (std::same_as<T, float>)
      return scores_.data();
    else
      return weights_.data();
  }

 private:
  static std::size_t count(index_t n) { return static_cast<std::size_t>(n); }

  std::vector<T> queries_;
  std::vector<float> mixed_, sums_, scores_;
  std::vector<T> weights_;
};

/// q, k and v as in attention_forward; `scale` multiplies the scores. Keys and values of a head are packed once for all
/// of its blocks that a thread has. Weights are divided by their sum after the product with the values, where there are
/// fewer numbers. Sums are float; in bf16 the weights are rounded before that product, and the result.
template <class T>
void attention_by_tiles(context const& c, tensor_view<T const, 2, context> const& q,
                        attention_forward_args<T, context> const& a, float scale) {
  // In float queries are scaled, fewer than scores; in bf16 that would round them once more
  float const query_scale = std::same_as<T, float> ? scale : 1.0f;
  index_t const width = q.extent(1) / a.heads, tokens = a.tokens, padded = padded_keys(tokens);
  index_t const most = tile_queries(tokens), blocks = (tokens + most - 1) / most, sets = q.extent(0) / tokens;
  auto const one_block = [&](tile_product<T> const& keys, tile_product<T> const& values, index_t set, index_t head,
                             index_t first, tile_memory<T>& memory) {
    index_t const count = (std::min)(most, tokens - first), row = set * tokens + first, column = head * width;
    T const* const from = q.data_handle() + row * q.stride(0) + column;
    T* const out = a.out.data_handle() + row * a.out.stride(0) + column;
    T *const queries = memory.queries(), *const weights = memory.weights();
    float *const scores = memory.scores(), *const sums = memory.sums(), *const mixed = memory.mixed();
    simd_dispatch([&] {
      for (index_t i = 0; i < count; ++i) {
#pragma omp simd
        for (index_t d = 0; d < width; ++d)
          round_to(queries[i * width + d], query_scale * float(from[i * q.stride(0) + d]));
      }
    });
    keys(count == most, queries, scores);
    simd_dispatch([&] {
      for (index_t i = 0; i < count; ++i)
        sums[i] = exponentials_of_keys(scores + i * padded, tokens, scale, weights + i * padded);
    });
    if (a.probs.has_data()) {
      simd_dispatch([&] {
        for (index_t i = 0; i < count; ++i) {
          T* const probs = a.probs.data_handle() + ((row + i) * a.heads + head) * tokens;
          float const* const mine = scores + i * padded;
          float const inverse = 1.0f / sums[i];
#pragma omp simd
          for (index_t j = 0; j < tokens; ++j) round_to(probs[j], mine[j] * inverse);
        }
      });
    }
    values(count == most, weights, mixed);
    simd_dispatch([&] {
      for (index_t i = 0; i < count; ++i) {
        float const inverse = 1.0f / sums[i];
#pragma omp simd
        for (index_t d = 0; d < width; ++d) round_to(out[i * a.out.stride(0) + d], mixed[i * width + d] * inverse);
      }
    });
  };
  parallel_for(c, sets * a.heads * blocks, 1, [&](index_t begin, index_t end) {
    thread_scope const one(context(1));
    onednn_call<T>("attention_forward", [&] {
      tile_memory<T> memory(most, padded, width);
      tile_product<T> keys(most, tokens % most, width, tokens, width, padded);
      tile_product<T> values(most, tokens % most, tokens, width, padded, width);
      for (index_t unit = begin; unit < end; ++unit) {
        index_t const first = unit % blocks * most, head = unit / blocks % a.heads, set = unit / blocks / a.heads;
        if (unit == begin || first == 0) {
          index_t const column = head * width;
          keys.pack(a.k.data_handle() + set * tokens * a.k.stride(0) + column, 1, a.k.stride(0));
          values.pack(a.v.data_handle() + set * tokens * a.v.stride(0) + column, a.v.stride(0), 1);
        }
        one_block(keys, values, set, head, first, memory);
      }
    });
  });
}

}  // namespace scale::cpu::detail
