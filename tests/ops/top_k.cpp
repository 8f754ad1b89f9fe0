// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/top_k.hpp>
#include <scale/ref/top_k.hpp>

#include <support/compare.hpp>
#include <support/tolerance.hpp>

#include <algorithm>

namespace {

using scale::index_t;
using scale::shape;
using testing::test_backend;

template <class T, class B>
struct top_k_run {
  std::vector<scale::stat_t<T>> score;
  std::vector<std::int32_t> index;

  top_k_run(B const& b, index_t m, index_t n, index_t d, index_t k, std::vector<T> const& queries,
            std::vector<T> const& bank) {
    testing::rows<T, B> q(b, m, d, queries), all(b, n, d, bank);
    testing::rows<scale::stat_t<T>, B> score_(b, m, k);
    scale::tensor<std::int32_t, 2, B> index_(b, shape{m, k});
    scale::top_k_dot(b, q.view(), {.bank = all, .score = score_, .index = index_});
    score = score_.values(b), index = testing::values_of(b, index_);
  }
};

TEST_CASE_TEMPLATE("top_k_dot agrees with sorting all scores", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  struct size {
    index_t m, n, d, k;
  };
  for (auto const& [m, n, d, k] : {size{0, 5, 3, 2},
                                   {3, 5, 4, 0},
                                   {1, 1, 1, 1},
                                   {5, 7, 3, 7},
                                   {37, 1201, 19, 20},
                                   {150, 530, 7, 3},
                                   {501, 2100, 33, 5},
                                   {450, 1, 5, 1}}) {
    CAPTURE(m);
    CAPTURE(n);
    auto const q = testing::random_values<T>(m * d, 1), bank = testing::random_values<T>(n * d, 2);
    top_k_run<T, test_backend> const got(b, m, n, d, k, q, bank);
    std::vector<double> expected, scores_of_index;
    for (index_t i = 0; i < m; ++i) {
      std::vector<double> scores;
      for (index_t j = 0; j < n; ++j) {
        double sum = 0;
        for (index_t l = 0; l < d; ++l)
          sum += static_cast<double>(q[static_cast<std::size_t>(i * d + l)]) *
                 static_cast<double>(bank[static_cast<std::size_t>(j * d + l)]);
        scores.push_back(sum);
      }
      std::vector<std::int32_t> seen;
      for (index_t r = 0; r < k; ++r) {
        std::int32_t const j = got.index[static_cast<std::size_t>(i * k + r)];
        REQUIRE(j >= 0);
        REQUIRE(j < n);
        seen.push_back(j);
        scores_of_index.push_back(scores[static_cast<std::size_t>(j)]);
      }
      std::sort(seen.begin(), seen.end());
      CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
      std::sort(scores.rbegin(), scores.rend());
      expected.insert(expected.end(), scores.begin(), scores.begin() + k);
    }
    testing::check_close("score", got.score, expected, testing::tolerance<scale::stat_t<T>>(d));
    testing::check_close("scores at index", scores_of_index, expected, testing::tolerance<scale::stat_t<T>>(d));
  }
}

TEST_CASE_TEMPLATE("top_k_dot gives equal scores to the lower index first", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  // Rows 0, 3, 6, .. of the bank are one row, better than the others for this query
  index_t const n = 1300, d = 11;
  std::vector<T> const row = testing::random_values<T>(d, 1, 0.5, 1);
  std::vector<T> bank;
  for (index_t j = 0; j < n; ++j)
    for (T const value : row) bank.push_back(j % 3 == 0 ? value : T(scale::stat_t<T>(value) / 2));
  for (auto const& [m, k] : {std::pair<index_t, index_t>{1, 9}, {1, 400}, {451, 400}}) {
    CAPTURE(m);
    CAPTURE(k);
    std::vector<T> queries;
    std::vector<std::int32_t> expected;
    for (index_t i = 0; i < m; ++i) {
      queries.insert(queries.end(), row.begin(), row.end());
      for (index_t r = 0; r < k; ++r) expected.push_back(static_cast<std::int32_t>(3 * r));
    }
    top_k_run<T, test_backend> const got(b, m, n, d, k, queries, bank);
    CHECK(got.index == expected);
  }
}

TEST_CASE("top_k_dot refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> q(b, shape{2, 4}), bank(b, shape{3, 4}), four(b, shape{2, 4});
  scale::tensor<std::int32_t, 2, test_backend> index(b, shape{2, 4}), few(b, shape{2, 3});
  testing::check_argument_error([&] { scale::top_k_dot(b, q, {.bank = bank, .score = four, .index = index}); },
                                {"top_k_dot", "k = score.extent(1)", "at most", "3"});
  testing::check_argument_error(
      [&] { scale::top_k_dot(b, q, {.bank = bank, .score = four.view().columns(0, 2), .index = few}); },
      {"index", "[2, 2]", "[2, 3]"});
}

}  // namespace
