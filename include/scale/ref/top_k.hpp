// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference top-k search: all scores of a query, partially sorted.

#include <scale/ops/top_k.hpp>
#include <scale/ref/context.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace scale::ref {

template <floating T>
void top_k_dot(context const&, tensor_view<T const, 2, context> queries, top_k_dot_args<T, context> const& a) {
  using stat = stat_t<T>;
  using scored = std::pair<stat, index_t>;
  index_t const n = a.bank.extent(0), d = a.bank.extent(1), k = a.score.extent(1);
  std::vector<scored> scores(static_cast<std::size_t>(n));
  for (index_t i = 0; i < queries.extent(0); ++i) {
    for (index_t j = 0; j < n; ++j) {
      stat sum = 0;
      for (index_t l = 0; l < d; ++l) sum += stat(queries(i, l)) * stat(a.bank(j, l));
      scores[static_cast<std::size_t>(j)] = {sum, j};
    }
    std::partial_sort(scores.begin(), scores.begin() + k, scores.end(), [](scored const& x, scored const& y) {
      return x.first > y.first || (x.first == y.first && x.second < y.second);
    });
    for (index_t rank = 0; rank < k; ++rank) {
      a.score(i, rank) = stat(scores[static_cast<std::size_t>(rank)].first);
      a.index(i, rank) = static_cast<std::int32_t>(scores[static_cast<std::size_t>(rank)].second);
    }
  }
}

}  // namespace scale::ref
