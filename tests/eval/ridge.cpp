// SPDX-License-Identifier: Apache-2.0
#include <scale/core/random.hpp>
#include <scale/eval/ridge.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using scale::index_t;

double uniform(std::uint64_t seed, std::uint64_t i) {
  return 2 * scale::random_unit(scale::make_key(seed, 0, scale::purpose::initialise), i) - 1;
}

/// Gradient descent on the same objective, from its definition: sum over rows of |y - share - z w|^2 + penalty |w|^2.
scale::host_matrix<double> descend(scale::host_matrix<double> const& x, std::vector<std::int32_t> const& labels,
                                   index_t classes, double strength, scale::host_matrix<double> const& test) {
  index_t const n = x.rows, d = x.columns;
  std::vector<double> mean(std::size_t(d), 0), deviation(std::size_t(d), 0);
  for (index_t j = 0; j < d; ++j) {
    for (index_t i = 0; i < n; ++i) mean[std::size_t(j)] += x(i, j) / double(n);
    for (index_t i = 0; i < n; ++i)
      deviation[std::size_t(j)] += std::pow(x(i, j) - mean[std::size_t(j)], 2) / double(n);
    deviation[std::size_t(j)] = deviation[std::size_t(j)] > 1e-9 ? std::sqrt(deviation[std::size_t(j)]) : 1;
  }
  auto const z = [&](scale::host_matrix<double> const& m, index_t i, index_t j) {
    return (m(i, j) - mean[std::size_t(j)]) / deviation[std::size_t(j)];
  };
  double const penalty = strength * double(std::max(n, d));
  double const step = 0.9 / (double(n * d) + penalty);  // below 1 / (largest eigenvalue), which the trace bounds
  scale::host_matrix<double> out(test.rows, classes);
  for (index_t c = 0; c < classes; ++c) {
    double share = 0;
    for (std::int32_t const label : labels) share += (label == c) / double(n);
    std::vector<double> w(std::size_t(d), 0);
    for (int iteration = 0; iteration < 20000; ++iteration) {
      std::vector<double> gradient(std::size_t(d), 0);
      for (index_t i = 0; i < n; ++i) {
        double residual = share - (labels[std::size_t(i)] == c);
        for (index_t j = 0; j < d; ++j) residual += z(x, i, j) * w[std::size_t(j)];
        for (index_t j = 0; j < d; ++j) gradient[std::size_t(j)] += residual * z(x, i, j);
      }
      for (index_t j = 0; j < d; ++j)
        w[std::size_t(j)] -= step * (gradient[std::size_t(j)] + penalty * w[std::size_t(j)]);
    }
    for (index_t i = 0; i < test.rows; ++i) {
      out(i, c) = share;
      for (index_t j = 0; j < d; ++j) out(i, c) += z(test, i, j) * w[std::size_t(j)];
    }
  }
  return out;
}

}  // namespace

TEST_CASE("ridge solves its own objective, wide and narrow, with a constant feature") {
  for (auto const& size : {std::pair<index_t, index_t>{12, 4}, {5, 9}}) {
    index_t const n = size.first, d = size.second;
    CAPTURE(n);
    scale::host_matrix<double> x(n, d), test(3, d);
    for (std::size_t i = 0; i < x.values.size(); ++i) x.values[i] = uniform(1, i);
    for (std::size_t i = 0; i < test.values.size(); ++i) test.values[i] = uniform(2, i);
    for (index_t i = 0; i < n; ++i) x(i, 1) = 0.1;
    for (index_t i = 0; i < 3; ++i) test(i, 1) = 0.1;
    std::vector<std::int32_t> labels;
    for (index_t i = 0; i < n; ++i) labels.push_back(static_cast<std::int32_t>(i % 3));
    auto const expected = descend(x, labels, 4, 0.3, test);
    auto const fitted = scale::fit_ridge(x, labels, 4, 0.3);
    CHECK(fitted.strength == 0.3);
    auto const scores = fitted.scores(test);
    for (std::size_t i = 0; i < scores.values.size(); ++i)
      CHECK(std::abs(scores.values[i] - expected.values[i]) < 1e-9);
  }
}

TEST_CASE("the strength is chosen by inner folds of the training rows") {
  // One feature decides, forty are noise: little data, so a strong penalty generalises better than none.
  index_t const n = 40, d = 41;
  scale::host_matrix<double> x(n, d);
  std::vector<std::int32_t> labels;
  for (std::size_t i = 0; i < x.values.size(); ++i) x.values[i] = uniform(7, i);
  for (index_t i = 0; i < n; ++i) {
    labels.push_back(static_cast<std::int32_t>(i % 2));
    x(i, 0) = (i % 2 == 0 ? -1 : 1) + 0.3 * uniform(8, std::uint64_t(i));
  }
  scale::ridge_options options;
  options.strengths = {1e-3, 1.0};
  auto const chosen = scale::fit_ridge(x, labels, 2, options);
  // By definition: pooled accuracy of each strength over the same folds.
  std::vector<int> right;
  for (double const strength : options.strengths) {
    int count = 0;
    for (auto const& f : scale::stratified_folds(labels, options.inner_folds)) {
      auto const seen = scale::take_elements(std::span<std::int32_t const>(labels), std::span<index_t const>(f.train));
      auto const scores =
          scale::fit_ridge(scale::take_rows(x, f.train), seen, 2, strength).scores(scale::take_rows(x, f.test));
      for (index_t i = 0; i < scores.rows; ++i)
        count += (scores(i, 1) > scores(i, 0)) == (labels[std::size_t(f.test[std::size_t(i)])] == 1);
    }
    right.push_back(count);
  }
  CHECK(chosen.strength == (right[1] >= right[0] ? 1.0 : 1e-3));
  // Inner folds by group: a group per label leaves nothing to learn from, yet it must run and stay inside its rows.
  std::vector<std::string> groups;
  for (index_t i = 0; i < n; ++i) groups.push_back(std::to_string(i % 4));
  options.inner_groups = groups;
  CHECK_NOTHROW(scale::fit_ridge(x, labels, 2, options));
}

TEST_CASE("ridge refuses labels, features and strengths it cannot use") {
  scale::host_matrix<double> x(3, 2);
  std::vector<std::int32_t> const labels = {0, 1, 0};
  CHECK_THROWS_AS(scale::fit_ridge(x, std::vector<std::int32_t>{0, 1}, 2, 1.0), scale::argument_error);
  CHECK_THROWS_AS(scale::fit_ridge(x, std::vector<std::int32_t>{0, 1, 2}, 2, 1.0), scale::argument_error);
  CHECK_THROWS_AS(scale::fit_ridge(x, labels, 2, 0.0), scale::argument_error);
  x(0, 0) = std::nan("");
  CHECK_THROWS_AS(scale::fit_ridge(x, labels, 2, 1.0), scale::argument_error);
}
