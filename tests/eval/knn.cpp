// SPDX-License-Identifier: Apache-2.0
#include <scale/core/random.hpp>
#include <scale/eval/knn.hpp>
#include <scale/eval/search.hpp>
#include <scale/ref.hpp>

#include "video/golden_cases.hpp"
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

namespace {

using scale::index_t;

template <class T>
scale::host_matrix<T> matrix(index_t rows, index_t columns, std::vector<double> const& values) {
  scale::host_matrix<T> out(rows, columns);
  std::transform(values.begin(), values.end(), out.values.begin(), [](double v) { return static_cast<T>(v); });
  return out;
}

template <class T>
scale::host_matrix<T> noise(index_t rows, index_t columns, std::uint32_t seed) {
  scale::host_matrix<T> out(rows, columns);
  auto const key = scale::make_key(seed, 0, scale::purpose::initialise);
  for (std::size_t i = 0; i < out.values.size(); ++i) out.values[i] = static_cast<T>(scale::random_unit(key, i) - 0.5);
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("golden knn", T, double, float) {
  char const* const type = sizeof(T) == 8 ? "fp64" : "fp32";
  scale::ref::context const b;
  for (auto const& c : golden::cases_of("knn")) {
    CAPTURE(c.name);
    index_t const clips = c.config.at("clips"), d = c.config.at("D"), classes = c.config.at("classes");
    auto const train_labels = c.file.template read<std::int32_t>("train_labels");
    auto const test_labels = c.file.template read<std::int32_t>("test_labels");
    auto const load = [&](char const* name, std::size_t videos) {
      return scale::average_rows(matrix<T>(index_t(videos) * clips, d, c.values(name)), clips);
    };
    auto const result = scale::classify_knn<T>(b, load("train_features", train_labels.size()), train_labels,
                                               load("test_features", test_labels.size()), classes,
                                               {.k = c.config.at("k"), .temperature = c.config.at("temperature")});
    CHECK(golden::relative_error(result.scores.values, c.values("scores")) <= c.limit(type, "scores"));
    CHECK(result.predictions == c.file.template read<std::int32_t>("predictions"));
    std::vector<double> const top1 = {scale::measure_knn(result, test_labels).top1};
    CHECK(golden::relative_error(top1, c.values("accuracy")) <= c.limit(type, "accuracy"));
  }
}

TEST_CASE("k-NN against its definition, and a bank smaller than k is used whole") {
  scale::ref::context const b;
  index_t const n = 11, m = 4, d = 5, classes = 9;
  auto const bank = noise<double>(n, d, 1), queries = noise<double>(m, d, 2);
  std::vector<std::int32_t> labels;
  for (index_t i = 0; i < n; ++i) labels.push_back(static_cast<std::int32_t>(i % 3));
  auto const prepare = [](scale::host_matrix<double> x) {
    for (index_t j = 0; j < x.columns; ++j) {
      double mean = 0;
      for (index_t i = 0; i < x.rows; ++i) mean += x(i, j) / double(x.rows);
      for (index_t i = 0; i < x.rows; ++i) x(i, j) -= mean;
    }
    for (index_t i = 0; i < x.rows; ++i) {
      double const norm = std::sqrt(std::inner_product(x.row(i).begin(), x.row(i).end(), x.row(i).begin(), 0.0));
      for (double& value : x.row(i)) value /= norm;
    }
    return x;
  };
  auto const z = prepare(bank), q = prepare(queries);
  for (index_t const k : {1, 4, 50}) {
    auto const result = scale::classify_knn<double>(b, bank, labels, queries, classes, {.k = k, .temperature = 0.2});
    REQUIRE(result.scores.columns == classes);
    for (index_t i = 0; i < m; ++i) {
      std::vector<std::pair<double, index_t>> order;
      for (index_t j = 0; j < n; ++j)
        order.emplace_back(-std::inner_product(q.row(i).begin(), q.row(i).end(), z.row(j).begin(), 0.0), j);
      std::sort(order.begin(), order.end());
      std::vector<double> expected(std::size_t(classes), 0);
      for (index_t j = 0; j < std::min(k, n); ++j)
        expected[std::size_t(labels[std::size_t(order[std::size_t(j)].second)])] +=
            std::exp(-order[std::size_t(j)].first / 0.2);
      for (index_t j = 0; j < classes; ++j)
        CHECK(result.scores(i, j) == doctest::Approx(expected[std::size_t(j)]).epsilon(1e-12));
    }
  }
}

TEST_CASE("a class without votes is not among the first five") {
  scale::ref::context const b;
  auto const bank = noise<float>(6, 3, 5);
  std::vector<std::int32_t> const labels(6, 4);
  auto const result = scale::classify_knn<float>(b, bank, labels, noise<float>(2, 3, 6), 5);
  auto const a = scale::measure_knn(result, std::vector<std::int32_t>{4, 0});
  CHECK(a.top1 == 50);
  CHECK(a.top5 == 50);
}

TEST_CASE("k-NN refuses labels outside the class list and widths that differ") {
  scale::ref::context const b;
  auto const x = noise<float>(3, 2, 1);
  CHECK_THROWS_AS(scale::classify_knn<float>(b, x, std::vector<std::int32_t>{0, 1, 2}, x, 2), scale::argument_error);
  CHECK_THROWS_AS(scale::classify_knn<float>(b, x, std::vector<std::int32_t>{0, 1}, x, 2), scale::argument_error);
  CHECK_THROWS_AS(scale::classify_knn<float>(b, x, std::vector<std::int32_t>{0, 1, 0}, noise<float>(3, 4, 1), 2),
                  scale::argument_error);
}

TEST_CASE("a single row, which centring makes zero, is refused") {
  scale::ref::context const b;
  auto const one = noise<float>(1, 2, 1), three = noise<float>(3, 2, 1);
  std::vector<std::int32_t> const labels = {0, 1, 0};
  CHECK_THROWS_WITH_AS(scale::classify_knn<float>(b, three, labels, one, 2), doctest::Contains("single query"),
                       scale::argument_error);
  CHECK_THROWS_WITH_AS(scale::classify_knn<float>(b, one, std::vector<std::int32_t>{0}, three, 2),
                       doctest::Contains("bank"), scale::argument_error);
  CHECK(scale::classify_knn<float>(b, three, labels, scale::host_matrix<float>(0, 2), 2).scores.rows == 0);
}

TEST_CASE("search finds a row itself first, by direction and not by length") {
  scale::ref::context const b;
  auto const bank = noise<double>(8, 6, 9);
  auto queries = scale::take_rows(bank, std::vector<index_t>{5, 2});
  for (double& value : queries.values) value *= 100;
  auto const near = scale::search_nearest<double>(b, queries, bank, 3);
  REQUIRE(near.size() == 2);
  REQUIRE(near[0].size() == 3);
  CHECK(near[0][0].row == 5);
  CHECK(near[1][0].row == 2);
  CHECK(near[0][0].similarity == doctest::Approx(1));
  CHECK(near[0][0].similarity >= near[0][1].similarity);
  CHECK(scale::search_nearest<double>(b, queries, bank, 100)[0].size() == 8);
}
