// SPDX-License-Identifier: Apache-2.0
#pragma once
// The videos most like a given one: neighbours by cosine similarity.

#include <scale/eval/knn.hpp>

#include <algorithm>
#include <vector>

namespace scale {

struct neighbour {
  index_t row = 0;        // of the bank
  double similarity = 0;  // cosine, in [-1, 1]
};

/// For each query [m, d] the `count` rows of the bank [n, d] with the largest cosine, best first; all n where count
/// is larger. Nothing is centred: a similarity depends on the two rows alone. Rows of zeros are similar to none (0).
template <floating T, backend B>
std::vector<std::vector<neighbour>> search_nearest(B const& b, host_matrix<stat_t<T>> queries,
                                                   host_matrix<stat_t<T>> bank, index_t count,
                                                   location at = location::current()) {
  expect(count >= 0, "search_nearest", "count must not be negative", at);
  std::vector<std::vector<neighbour>> out(std::size_t(queries.rows));
  index_t const k = (std::min)(count, bank.rows);
  if (k == 0 || queries.rows == 0) return out;
  normalise_rows(queries);
  normalise_rows(bank);
  nearest_rows<stat_t<T>> const found = find_nearest<T>(b, queries, bank, k, at);
  for (index_t i = 0; i < queries.rows; ++i)
    for (index_t j = 0; j < k; ++j)
      out[std::size_t(i)].push_back({found.neighbour(i, j), static_cast<double>(found.similarity(i, j))});
  return out;
}

}  // namespace scale
