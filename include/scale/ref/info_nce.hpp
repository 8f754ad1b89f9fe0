// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference one-sided InfoNCE: scores one at a time, sums in stat_t<T>.

#include <scale/ops/info_nce.hpp>
#include <scale/ref/context.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace scale::ref {

namespace detail {

/// a_i . b_j / temperature.
template <class T>
stat_t<T> score(tensor_view<T const, 2, context> const& a, index_t i, tensor_view<T const, 2, context> const& b,
                index_t j, double temperature) {
  stat_t<T> sum = 0;
  for (index_t k = 0; k < a.extent(1); ++k) sum += stat_t<T>(a(i, k)) * stat_t<T>(b(j, k));
  return sum / stat_t<T>(temperature);
}

/// What a query sees: log-sum-exp of its scores, that minus its target's score, whether its target's score is the first
/// of the largest. The loss is not formed from lse: both may be large.
template <class T>
struct query_result {
  stat_t<T> lse, loss;
  bool correct;
};

/// Row i of q against all keys, of which there is at least one.
template <class T>
query_result<T> look_up(tensor_view<T const, 2, context> const& q, index_t i,
                        tensor_view<T const, 2, context> const& keys, index_t target, double temperature) {
  using stat = stat_t<T>;
  stat const own = score(q, i, keys, target, temperature);
  stat largest = -std::numeric_limits<stat>::infinity();
  bool correct = true;
  for (index_t j = 0; j < keys.extent(0); ++j) {
    stat const s = score(q, i, keys, j, temperature);
    largest = (std::max)(largest, s);
    if (s > own || (s == own && j < target)) correct = false;
  }
  stat sum = 0;
  for (index_t j = 0; j < keys.extent(0); ++j) sum += std::exp(score(q, i, keys, j, temperature) - largest);
  return {largest + std::log(sum), (largest - own) + std::log(sum), correct};
}

}  // namespace detail

template <floating T>
void info_nce_forward(context const&, tensor_view<T const, 2, context> q, info_nce_forward_args<T, context> const& a) {
  stat_t<T> loss = 0;
  std::int32_t correct = 0;
  for (index_t i = 0; i < q.extent(0); ++i) {
    detail::query_result<T> const found = detail::look_up(q, i, a.keys, a.target(i), a.temperature);
    a.lse(i) = found.lse;
    loss += found.loss;
    correct += found.correct ? 1 : 0;
  }
  a.loss(0) = q.extent(0) == 0 ? stat_t<T>(0) : loss / stat_t<T>(q.extent(0));
  a.correct(0) = correct;
}

template <floating T>
void info_nce_backward(context const&, tensor_view<T const, 2, context> q,
                       info_nce_backward_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const m = q.extent(0), n = a.keys.extent(0), c = q.extent(1);
  if (m == 0) return;
  stat const factor = stat(a.scale / (a.temperature * static_cast<double>(m)));
  auto const slope = [&](index_t i, index_t j) {  // of the loss times m, by score (i, j)
    return std::exp(detail::score(q, i, a.keys, j, a.temperature) - a.lse(i)) - stat(a.target(i) == j ? 1 : 0);
  };
  std::vector<stat> sums(static_cast<std::size_t>(c));
  for (index_t i = 0; i < m; ++i) {
    std::fill(sums.begin(), sums.end(), stat(0));
    for (index_t j = 0; j < n; ++j) {
      stat const by_score = slope(i, j);
      for (index_t k = 0; k < c; ++k) sums[static_cast<std::size_t>(k)] += by_score * stat(a.keys(j, k));
    }
    for (index_t k = 0; k < c; ++k) a.dq(i, k) = T(factor * sums[static_cast<std::size_t>(k)]);
  }
  for (index_t j = 0; j < n; ++j) {
    std::fill(sums.begin(), sums.end(), stat(0));
    for (index_t i = 0; i < m; ++i) {
      stat const by_score = slope(i, j);
      for (index_t k = 0; k < c; ++k) sums[static_cast<std::size_t>(k)] += by_score * stat(q(i, k));
    }
    for (index_t k = 0; k < c; ++k) a.dkeys(j, k) = T(stat(a.dkeys(j, k)) + factor * sums[static_cast<std::size_t>(k)]);
  }
}

}  // namespace scale::ref
