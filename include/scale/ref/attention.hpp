// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference attention, sums in stat_t<T>: scores over the columns of a head, the weights' sum and `out` over the keys,
// each in ascending order. Queries that see the same keys go together.

#include <scale/ops/attention.hpp>
#include <scale/ref/context.hpp>
#include <scale/ref/detail/products.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace scale::ref {

namespace detail {

/// Where a query stands: its row of k, the first row of its set, and how many keys it sees; 0 where it does not exist.
struct query_place {
  index_t row, first, keys;
};

template <class Args>
query_place place_of_query(Args const& a, index_t i) {
  index_t const row = a.rows.has_data() ? a.rows(i) : i;
  index_t const set = row / a.tokens;
  index_t const length = a.lengths.has_data() ? a.lengths(set) : a.tokens;
  return {row, set * a.tokens, row % a.tokens < length ? length : 0};
}

/// How many queries from i on, at most rows_at_once, see the same keys of the same set.
template <class Args>
index_t queries_together(Args const& a, index_t i, index_t n) {
  query_place const place = place_of_query(a, i);
  index_t const end = (std::min)(n, i + rows_at_once);
  index_t next = i + 1;
  for (; next < end; ++next)
    if (query_place const other = place_of_query(a, next); other.first != place.first || other.keys != place.keys)
      break;
  return next - i;
}

/// What a weight is multiplied with: 1 / (1 - dropout), or 0 where it is dropped.
template <class T, class Args>
stat_t<T> kept(Args const& a, index_t row, index_t head, index_t token) {
  if (a.dropout == 0) return 1;
  std::uint64_t const number = static_cast<std::uint64_t>((row * a.heads + head) * a.tokens + token);
  return dropout_keeps(a.key, number, a.dropout) ? stat_t<T>(1 / (1 - a.dropout)) : stat_t<T>(0);
}

template <class T, class Args>
stat_t<T> attention_scale(Args const& a, index_t width) {
  return stat_t<T>(a.scale != 0 ? a.scale : 1 / std::sqrt(static_cast<double>(width)));
}

}  // namespace detail

template <floating T>
void attention_forward(context const&, tensor_view<T const, 2, context> q,
                       attention_forward_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const c = q.extent(1), width = c / a.heads;
  stat const scale = detail::attention_scale<T>(a, width);
  auto const zero = [](index_t) { return stat(0); };
  std::vector<stat> weights;  // of `count` queries, a row of tokens each
  for (index_t i = 0, count = 0; i < q.extent(0); i += count) {
    detail::query_place const place = detail::place_of_query(a, i);
    count = detail::queries_together(a, i, q.extent(0));
    for (index_t head = 0; head < a.heads; ++head) {
      index_t const begin = head * width;
      auto const of_head = [&](T const* data, index_t row_step, index_t row) { return data + row * row_step + begin; };
      detail::stepped_matrix<T> const queries{of_head(q.data_handle(), q.stride(0), i), q.stride(0), 1};
      detail::stepped_matrix<T> const keys{of_head(a.k.data_handle(), a.k.stride(0), place.first), 1, a.k.stride(0)};
      detail::stepped_matrix<T> const values{of_head(a.v.data_handle(), a.v.stride(0), place.first), a.v.stride(0), 1};
      weights.assign(static_cast<std::size_t>(count * a.tokens), stat(0));
      detail::multiply(count, width, place.keys, queries, keys, zero, [&](index_t query, index_t j, stat score) {
        weights[static_cast<std::size_t>(query * a.tokens + j)] = scale * score;
      });
      for (index_t query = 0; query < count; ++query) {
        stat* const weight = weights.data() + query * a.tokens;
        stat largest = -std::numeric_limits<stat>::infinity(), sum = 0;
        for (index_t j = 0; j < place.keys; ++j) largest = (std::max)(largest, weight[j]);
        for (index_t j = 0; j < place.keys; ++j) {
          weight[j] = std::exp(weight[j] - largest);
          sum += weight[j];
        }
        index_t const row = detail::place_of_query(a, i + query).row;
        for (index_t j = 0; j < a.tokens; ++j) {
          if (j < place.keys) weight[j] /= sum;
          if (a.probs.has_data()) a.probs(i + query, head, j) = T(weight[j]);
          weight[j] *= detail::kept<T>(a, row, head, j);
        }
      }
      detail::multiply(count, place.keys, width, detail::stepped_matrix<stat>{weights.data(), a.tokens, 1}, values,
                       zero, [&](index_t query, index_t k, stat out) { a.out(i + query, begin + k) = T(out); });
    }
  }
}

template <floating T>
void attention_backward(context const&, tensor_view<T const, 2, context> q,
                        attention_backward_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const c = q.extent(1), width = c / a.heads, all = a.k.extent(0);
  stat const scale = detail::attention_scale<T>(a, width);
  std::vector<stat> dk(static_cast<std::size_t>(all * c), stat(0)), dv(dk), slopes(static_cast<std::size_t>(a.tokens));
  for (index_t i = 0; i < q.extent(0); ++i) {
    detail::query_place const place = detail::place_of_query(a, i);
    for (index_t head = 0; head < a.heads; ++head) {
      index_t const begin = head * width, end = begin + width;
      stat mean = 0;  // of the weights' slopes, weighted by the weights
      for (index_t j = 0; j < place.keys; ++j) {
        stat slope = 0;
        for (index_t k = begin; k < end; ++k) slope += stat(a.dout(i, k)) * stat(a.v(place.first + j, k));
        slope *= detail::kept<T>(a, place.row, head, j);
        slopes[static_cast<std::size_t>(j)] = slope;
        mean += stat(a.probs(i, head, j)) * slope;
      }
      for (index_t k = begin; k < end; ++k) {
        stat dq = 0;
        for (index_t j = 0; j < place.keys; ++j) {
          stat const p = stat(a.probs(i, head, j));
          stat const dscore = scale * p * (slopes[static_cast<std::size_t>(j)] - mean);
          std::size_t const at = static_cast<std::size_t>((place.first + j) * c + k);
          dq += dscore * stat(a.k(place.first + j, k));
          dk[at] += dscore * stat(q(i, k));
          dv[at] += p * detail::kept<T>(a, place.row, head, j) * stat(a.dout(i, k));
        }
        a.dq(i, k) = T(dq);
      }
    }
  }
  for (index_t row = 0; row < all; ++row)
    for (index_t k = 0; k < c; ++k) {
      a.dk(row, k) = T(dk[static_cast<std::size_t>(row * c + k)]);
      a.dv(row, k) = T(dv[static_cast<std::size_t>(row * c + k)]);
    }
}

}  // namespace scale::ref
