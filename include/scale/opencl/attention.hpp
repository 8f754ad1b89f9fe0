// SPDX-License-Identifier: Apache-2.0
#pragma once
// Attention within sets on the device: a group per query (or key) and head. Its items share the keys for scores, and
// the columns for sums over the keys; nothing grows with tokens^2.

#include <scale/core/tensor.hpp>
#include <scale/opencl/detail/dropout_mask.hpp>
#include <scale/opencl/element.hpp>
#include <scale/ops/attention.hpp>

#include <cmath>
#include <cstdint>

namespace scale::opencl {

namespace detail {

inline constexpr program_source attention_program{"attention", {group_reductions, dropout_source, R"CL(
// Of all kernels: sets and their queries; width is that of a head.
#define SETS                                                                                            \
  long queries, long heads, long tokens, long width, ARRAY(int const, rows), ARRAY(int const, lengths), \
      float scale, DROPOUT(draw)

#define ROW_OF(query) (GIVEN(rows) ? DATA(rows)[query] : (query))
#define LENGTH_OF(set) (GIVEN(lengths) ? DATA(lengths)[set] : tokens)

// The factor of the weight that the query at `row` gives to `token`.
#define KEPT(row, head, token) DROPOUT_FACTOR(draw, (ulong)(((row) * heads + (head)) * tokens + (token)))

float dot_product(global float const* a, global float const* b, long n) {
  float sum = 0;
  for (long k = 0; k < n; ++k) sum += a[k] * b[k];
  return sum;
}

kernel void attention_forward(SETS, MATRIX(float const, q), MATRIX(float const, k), MATRIX(float const, v),
                              MATRIX(float, out), ARRAY(float, probs), local float* shared, local float* weights) {
  long const query = get_group_id(0) / heads, head = get_group_id(0) % heads, begin = head * width;
  long const row = ROW_OF(query), set = row / tokens, first = set * tokens, length = LENGTH_OF(set);
  long const keys = row - first < length ? length : 0;  // a query that does not exist sees none
  int const item = get_local_id(0), items = get_local_size(0);

  float largest = -INFINITY, sum = 0;
  for (long key = item; key < keys; key += items) {
    float const s = scale * dot_product(ROW(q, query) + begin, ROW(k, first + key) + begin, width);
    if (s > largest) {
      sum = sum * exp(largest - s) + 1;
      largest = s;
    } else {
      sum += exp(s - largest);
    }
  }
  float const top = group_max(largest, shared);
  sum = group_sum(item < keys ? sum * exp(largest - top) : 0.0f, shared);

  for (long column_begin = 0; column_begin < width; column_begin += items) {
    long const column = column_begin + item;
    float total = 0;
    for (long key_begin = 0; key_begin < tokens; key_begin += items) {
      long const key = key_begin + item;
      float weight = 0;
      if (key < keys) {
        float const s = scale * dot_product(ROW(q, query) + begin, ROW(k, first + key) + begin, width);
        weight = exp(s - top) / sum;
      }
      if (GIVEN(probs) && column_begin == 0 && key < tokens)
        DATA(probs)[(query * heads + head) * tokens + key] = weight;
      weights[item] = key < keys ? weight * KEPT(row, head, key) : 0.0f;
      barrier(CLK_LOCAL_MEM_FENCE);
      if (column < width)
        for (int other = 0; other < items && key_begin + other < keys; ++other)
          total += weights[other] * ROW(v, first + key_begin + other)[begin + column];
      barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (column < width) ROW(out, query)[begin + column] = total;
  }
}

// dq; and means [queries, heads]: of the weights' slopes, weighted by the weights.
kernel void attention_query_gradient(SETS, MATRIX(float const, k), MATRIX(float const, v), ARRAY(float const, probs),
                                     MATRIX(float const, dout), MATRIX(float, dq), ARRAY(float, means),
                                     local float* shared, local float* weights) {
  long const query = get_group_id(0) / heads, head = get_group_id(0) % heads, begin = head * width;
  long const row = ROW_OF(query), set = row / tokens, first = set * tokens, length = LENGTH_OF(set);
  long const keys = row - first < length ? length : 0;
  int const item = get_local_id(0), items = get_local_size(0);
  global float const* const prob = DATA(probs) + (query * heads + head) * tokens;

  float mean = 0;
  for (long key = item; key < keys; key += items)
    mean += prob[key] * (dot_product(ROW(dout, query) + begin, ROW(v, first + key) + begin, width) *
                         KEPT(row, head, key));
  mean = group_sum(mean, shared);
  if (item == 0) DATA(means)[query * heads + head] = mean;

  for (long column_begin = 0; column_begin < width; column_begin += items) {
    long const column = column_begin + item;
    float total = 0;
    for (long key_begin = 0; key_begin < keys; key_begin += items) {
      long const key = key_begin + item;
      weights[item] = 0;
      if (key < keys) {
        float const slope =
            dot_product(ROW(dout, query) + begin, ROW(v, first + key) + begin, width) * KEPT(row, head, key);
        weights[item] = scale * prob[key] * (slope - mean);
      }
      barrier(CLK_LOCAL_MEM_FENCE);
      if (column < width)
        for (int other = 0; other < items && key_begin + other < keys; ++other)
          total += weights[other] * ROW(k, first + key_begin + other)[begin + column];
      barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (column < width) ROW(dq, query)[begin + column] = total;
  }
}

// The first of `queries` ascending rows that is `row` or more; rows nullptr: 0, 1, ...
long first_query(global int const* rows, long queries, long row) {
  if (rows == 0) return min(row, queries);
  long low = 0, high = queries;
  while (low < high) {
    long const middle = (low + high) / 2;
    if (rows[middle] < row)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// dk and dv: a group per key and head, sums over the set's queries in ascending order.
kernel void attention_key_gradient(SETS, MATRIX(float const, q), MATRIX(float const, v), ARRAY(float const, probs),
                                   MATRIX(float const, dout), ARRAY(float const, means), MATRIX(float, dk),
                                   MATRIX(float, dv), local float* by_score, local float* weights) {
  long const key_row = get_group_id(0) / heads, head = get_group_id(0) % heads, begin = head * width;
  long const set = key_row / tokens, key = key_row % tokens, length = LENGTH_OF(set);
  global int const* const query_rows = GIVEN(rows) ? DATA(rows) : 0;
  long const low = first_query(query_rows, queries, set * tokens);
  long const end = key < length ? first_query(query_rows, queries, (set + 1) * tokens) : low;
  int const item = get_local_id(0), items = get_local_size(0);

  for (long column_begin = 0; column_begin < width; column_begin += items) {
    long const column = column_begin + item;
    float key_total = 0, value_total = 0;
    for (long query_begin = low; query_begin < end; query_begin += items) {
      long const query = query_begin + item;
      by_score[item] = 0;
      weights[item] = 0;
      if (query < end) {
        long const row = ROW_OF(query), at = query * heads + head;
        if (row - set * tokens < length) {
          float const factor = KEPT(row, head, key), p = DATA(probs)[at * tokens + key];
          float const slope = dot_product(ROW(dout, query) + begin, ROW(v, key_row) + begin, width) * factor;
          by_score[item] = scale * p * (slope - DATA(means)[at]);
          weights[item] = p * factor;
        }
      }
      barrier(CLK_LOCAL_MEM_FENCE);
      if (column < width)
        for (int other = 0; other < items && query_begin + other < end; ++other) {
          key_total += by_score[other] * ROW(q, query_begin + other)[begin + column];
          value_total += weights[other] * ROW(dout, query_begin + other)[begin + column];
        }
      barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (column < width) {
      ROW(dk, key_row)[begin + column] = key_total;
      ROW(dv, key_row)[begin + column] = value_total;
    }
  }
}
)CL"}};

/// As the parameter SETS of a kernel.
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

  void pass_to(argument_setter& set) const {
    set(queries);
    set(heads);
    set(tokens);
    set(width);
    set(rows);
    set(lengths);
    set(scale);
    set(draw);
  }
};

}  // namespace detail

template <opencl_float T>
void attention_forward(context const& c, tensor_view<T const, 2, context> q,
                       attention_forward_args<T, context> const& a) {
  using detail::group_floats;
  using detail::matrix;
  detail::attention_sets const sets(q.extent(0), q.extent(1), a);
  detail::launch(c, "attention_forward", detail::attention_program, "attention_forward",
                 detail::rows(sets.queries * sets.heads), sets, matrix(q), matrix(a.k), matrix(a.v), matrix(a.out),
                 a.probs.data_handle(), group_floats, group_floats);
}

template <opencl_float T>
void attention_backward(context const& c, tensor_view<T const, 2, context> q,
                        attention_backward_args<T, context> const& a) {
  using detail::group_floats;
  using detail::matrix;
  constexpr auto op = "attention_backward";
  detail::attention_sets const sets(q.extent(0), q.extent(1), a);
  tensor<T, 2, context> means(c, shape{sets.queries, sets.heads});
  detail::launch(c, op, detail::attention_program, "attention_query_gradient", detail::rows(sets.queries * sets.heads),
                 sets, matrix(a.k), matrix(a.v), a.probs.data_handle(), matrix(a.dout), matrix(a.dq),
                 means.data_handle(), group_floats, group_floats);
  detail::launch(c, op, detail::attention_program, "attention_key_gradient", detail::rows(a.k.extent(0) * sets.heads),
                 sets, matrix(q), matrix(a.v), a.probs.data_handle(), matrix(a.dout), means.data_handle(), matrix(a.dk),
                 matrix(a.dv), group_floats, group_floats);
}

}  // namespace scale::opencl
