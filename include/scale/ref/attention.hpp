// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference attention: one query and head at a time, sums in stat_t<T>.

#include <scale/ops/attention.hpp>
#include <scale/ref/context.hpp>

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
  std::vector<stat> weights(static_cast<std::size_t>(a.tokens));
  for (index_t i = 0; i < q.extent(0); ++i) {
    detail::query_place const place = detail::place_of_query(a, i);
    for (index_t head = 0; head < a.heads; ++head) {
      stat largest = -std::numeric_limits<stat>::infinity(), sum = 0;
      std::fill(weights.begin(), weights.end(), stat(0));
      for (index_t j = 0; j < place.keys; ++j) {
        stat score = 0;
        for (index_t k = head * width; k < (head + 1) * width; ++k)
          score += stat(q(i, k)) * stat(a.k(place.first + j, k));
        weights[static_cast<std::size_t>(j)] = scale * score;
        largest = (std::max)(largest, scale * score);
      }
      for (index_t j = 0; j < place.keys; ++j) {
        stat& weight = weights[static_cast<std::size_t>(j)];
        weight = std::exp(weight - largest);
        sum += weight;
      }
      for (index_t j = 0; j < a.tokens; ++j) {
        stat& weight = weights[static_cast<std::size_t>(j)];
        if (j < place.keys) weight /= sum;
        if (a.probs.has_data()) a.probs(i, head, j) = T(weight);
        weight *= detail::kept<T>(a, place.row, head, j);
      }
      for (index_t k = head * width; k < (head + 1) * width; ++k) {
        stat out = 0;
        for (index_t j = 0; j < place.keys; ++j)
          out += weights[static_cast<std::size_t>(j)] * stat(a.v(place.first + j, k));
        a.out(i, k) = T(out);
      }
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
