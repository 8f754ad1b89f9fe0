// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels of attention within sets: a warp per query (or key) and head. Its lanes share the keys for scores, and the
// columns for sums over the keys; nothing grows with tokens^2.

#include <scale/cuda/attention.hpp>
#include <scale/cuda/detail/dropout_mask.cuh>
#include <scale/cuda/detail/rows.cuh>

#include <cmath>

namespace scale::cuda::detail {

struct attention_tuning {
  static constexpr int columns = 4;  // of a head that a lane sums up at once
};

/// What forward and backward know of the sets.
struct attention_sets {
  index_t queries, heads, tokens, width;  // width of a head
  std::int32_t const *rows, *lengths;     // nullptr: not given
  float scale;
  dropout_draw draw;

  template <class Args>
  attention_sets(index_t nq, index_t c, Args const& a)
      : queries(nq),
        heads(a.heads),
        tokens(a.tokens),
        width(c / a.heads),
        rows(a.rows.data_handle()),
        lengths(a.lengths.data_handle()),
        scale(static_cast<float>(a.scale != 0 ? a.scale : 1 / std::sqrt(static_cast<double>(c / a.heads)))),
        draw(a.key, a.dropout) {}

  __device__ index_t row_of(index_t query) const { return rows != nullptr ? rows[query] : query; }
  __device__ index_t length_of(index_t set) const { return lengths != nullptr ? lengths[set] : tokens; }

  /// How many keys the query at this row sees; 0 where it does not exist.
  __device__ index_t keys_of(index_t row) const {
    index_t const length = length_of(row / tokens);
    return row % tokens < length ? length : 0;
  }

  __device__ float kept(index_t row, index_t head, index_t token) const {
    return draw.factors<1>(static_cast<std::uint64_t>((row * heads + head) * tokens + token))[0];
  }

  /// The first query whose row is `row` or more.
  __device__ index_t first_query(index_t row) const {
    if (rows == nullptr) return row < queries ? row : queries;
    index_t low = 0, high = queries;
    while (low < high) {
      index_t const middle = (low + high) / 2;
      if (rows[middle] < row)
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  }
};

template <int Width, class T>
__device__ float dot_product(T const* a, T const* b, index_t n) {
  float sum = 0;
  for (index_t k = 0; k < n; k += Width) {
    lanes<Width> const x = load<Width>(a + k), y = load<Width>(b + k);
    for (int l = 0; l < Width; ++l) sum += x[l] * y[l];
  }
  return sum;
}

/// Sums of the columns begin + lane, begin + lane + 32, ... of a head.
struct column_group {
  float sum[attention_tuning::columns] = {};

  /// Adds weight times a row of the head.
  template <class T>
  __device__ void add(float weight, T const* row, index_t begin, index_t width) {
    for (int k = 0; k < attention_tuning::columns; ++k) {
      index_t const column = begin + k * warp_size + lane_number();
      if (column < width) sum[k] += weight * static_cast<float>(row[column]);
    }
  }

  template <class T>
  __device__ void write(T* row, index_t begin, index_t width) const {
    for (int k = 0; k < attention_tuning::columns; ++k) {
      index_t const column = begin + k * warp_size + lane_number();
      if (column < width) row[column] = T(sum[k]);
    }
  }

  static constexpr index_t columns = index_t{attention_tuning::columns} * warp_size;
};

template <int Width, class T>
SCALE_KERNEL attention_forward_kernel(attention_sets sets, matrix<T const> q, matrix<T const> k, matrix<T const> v,
                                      matrix<T> out, T* probs) {
  index_t const place = warp_row();
  if (place >= sets.queries * sets.heads) return;  // the whole warp
  index_t const query = place / sets.heads, head = place % sets.heads, begin = head * sets.width;
  index_t const row = sets.row_of(query), first = row / sets.tokens * sets.tokens, keys = sets.keys_of(row);
  int const lane = lane_number();
  auto const score = [&](index_t key) {
    return sets.scale * dot_product<Width>(q.row(query) + begin, k.row(first + key) + begin, sets.width);
  };

  float largest = -INFINITY, sum = 0, first_score = 0;
  for (index_t key = lane; key < keys; key += warp_size) {
    float const s = score(key);
    if (key == lane) first_score = s;
    if (s > largest) {
      sum = sum * expf(largest - s) + 1;
      largest = s;
    } else {
      sum += expf(s - largest);
    }
  }
  float const top = warp_max(largest);
  sum = warp_sum(lane < keys ? sum * expf(largest - top) : 0.0f);

  for (index_t column = 0; column < sets.width; column += column_group::columns) {
    column_group group;
    for (index_t base = 0; base < sets.tokens; base += warp_size) {
      index_t const key = base + lane;
      float weight = 0;
      if (key < keys) weight = expf((base == 0 ? first_score : score(key)) - top) / sum;
      if (probs != nullptr && column == 0 && key < sets.tokens) probs[place * sets.tokens + key] = T(weight);
      if (key < keys) weight *= sets.kept(row, head, key);
      for (int other = 0; other < warp_size && base + other < keys; ++other)
        group.add(__shfl_sync(whole_warp, weight, other), v.row(first + base + other) + begin, column, sets.width);
    }
    group.write(out.row(query) + begin, column, sets.width);
  }
}

/// dq; and means [queries, heads]: of the weights' slopes, weighted by the weights.
template <int Width, class T>
SCALE_KERNEL attention_query_gradient_kernel(attention_sets sets, matrix<T const> k, matrix<T const> v, T const* probs,
                                             matrix<T const> dout, matrix<T> dq, float* means) {
  index_t const place = warp_row();
  if (place >= sets.queries * sets.heads) return;  // the whole warp
  index_t const query = place / sets.heads, head = place % sets.heads, begin = head * sets.width;
  index_t const row = sets.row_of(query), first = row / sets.tokens * sets.tokens, keys = sets.keys_of(row);
  int const lane = lane_number();
  auto const prob = [&](index_t key) { return static_cast<float>(probs[place * sets.tokens + key]); };
  auto const slope = [&](index_t key) {
    return dot_product<Width>(dout.row(query) + begin, v.row(first + key) + begin, sets.width) *
           sets.kept(row, head, key);
  };

  float mean = 0, first_slope = 0;
  for (index_t key = lane; key < keys; key += warp_size) {
    float const s = slope(key);
    if (key == lane) first_slope = s;
    mean += prob(key) * s;
  }
  mean = warp_sum(mean);
  if (lane == 0) means[place] = mean;

  for (index_t column = 0; column < sets.width; column += column_group::columns) {
    column_group group;
    for (index_t base = 0; base < keys; base += warp_size) {
      index_t const key = base + lane;
      float weight = 0;
      if (key < keys) weight = sets.scale * prob(key) * ((base == 0 ? first_slope : slope(key)) - mean);
      for (int other = 0; other < warp_size && base + other < keys; ++other)
        group.add(__shfl_sync(whole_warp, weight, other), k.row(first + base + other) + begin, column, sets.width);
    }
    group.write(dq.row(query) + begin, column, sets.width);
  }
}

/// dk and dv: a warp per key and head, sums over the set's queries in ascending order.
template <int Width, class T>
SCALE_KERNEL attention_key_gradient_kernel(attention_sets sets, index_t rows, matrix<T const> q, matrix<T const> v,
                                           T const* probs, matrix<T const> dout, float const* means, matrix<T> dk,
                                           matrix<T> dv) {
  index_t const place = warp_row();
  if (place >= rows * sets.heads) return;  // the whole warp
  index_t const key_row = place / sets.heads, head = place % sets.heads, begin = head * sets.width;
  index_t const set = key_row / sets.tokens, key = key_row % sets.tokens;
  bool const exists = key < sets.length_of(set);
  index_t const low = sets.first_query(set * sets.tokens), end = sets.first_query((set + 1) * sets.tokens);
  int const lane = lane_number();

  for (index_t column = 0; column < sets.width; column += column_group::columns) {
    column_group key_group, value_group;
    for (index_t base = low; exists && base < end; base += warp_size) {
      index_t const query = base + lane;
      float by_score = 0, weight = 0;
      if (query < end) {
        index_t const row = sets.row_of(query), at = query * sets.heads + head;
        if (sets.keys_of(row) != 0) {
          float const factor = sets.kept(row, head, key), p = static_cast<float>(probs[at * sets.tokens + key]);
          float const slope = dot_product<Width>(dout.row(query) + begin, v.row(key_row) + begin, sets.width) * factor;
          by_score = sets.scale * p * (slope - means[at]);
          weight = p * factor;
        }
      }
      for (int other = 0; other < warp_size && base + other < end; ++other) {
        key_group.add(__shfl_sync(whole_warp, by_score, other), q.row(base + other) + begin, column, sets.width);
        value_group.add(__shfl_sync(whole_warp, weight, other), dout.row(base + other) + begin, column, sets.width);
      }
    }
    key_group.write(dk.row(key_row) + begin, column, sets.width);
    value_group.write(dv.row(key_row) + begin, column, sets.width);
  }
}

template <class T>
void launch_attention_forward(context const& c, tensor_view<T const, 2, context> q_,
                              attention_forward_args<T, context> const& a) {
  attention_sets const sets(q_.extent(0), q_.extent(1), a);
  matrix<T const> const q(q_), k(a.k), v(a.v);
  bool const packs = packs_fit<T>(sets.width, q, k);
  launch_rows(c, "attention_forward", sets.queries * sets.heads,
              packs ? attention_forward_kernel<packed_width<T>, T> : attention_forward_kernel<1, T>, sets, q, k, v,
              a.out, a.probs.data_handle());
}

template <class T>
void launch_attention_backward(context const& c, tensor_view<T const, 2, context> q_,
                               attention_backward_args<T, context> const& a) {
  constexpr auto op = "attention_backward";
  attention_sets const sets(q_.extent(0), q_.extent(1), a);
  matrix<T const> const q(q_), k(a.k), v(a.v), dout(a.dout);
  bool const packs = packs_fit<T>(sets.width, v, dout);
  tensor<float, 2, context> means(c, shape{sets.queries, sets.heads});
  launch_rows(c, op, sets.queries * sets.heads,
              packs ? attention_query_gradient_kernel<packed_width<T>, T> : attention_query_gradient_kernel<1, T>, sets,
              k, v, a.probs.data_handle(), dout, a.dq, means.data_handle());
  launch_rows(c, op, a.k.extent(0) * sets.heads,
              packs ? attention_key_gradient_kernel<packed_width<T>, T> : attention_key_gradient_kernel<1, T>, sets,
              a.k.extent(0), q, v, a.probs.data_handle(), dout, means.data_handle(), a.dk, a.dv);
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_ATTENTION(T)                                              \
  template void scale::cuda::detail::launch_attention_forward<T>(                        \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::attention_forward_args<T, scale::cuda::context> const&);                    \
  template void scale::cuda::detail::launch_attention_backward<T>(                       \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::attention_backward_args<T, scale::cuda::context> const&);
