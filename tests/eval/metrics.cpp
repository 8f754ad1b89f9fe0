// SPDX-License-Identifier: Apache-2.0
#include <scale/eval/metrics.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

scale::host_matrix<double> matrix(scale::index_t rows, scale::index_t columns, std::vector<double> values) {
  scale::host_matrix<double> out(rows, columns);
  out.values = std::move(values);
  return out;
}

}  // namespace

TEST_CASE("Wilson's interval: published values, and the ends") {
  // 81 of 263: Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
  auto const ci = scale::wilson_interval(81, 263);
  CHECK(std::abs(ci.low - 0.2553) < 5e-5);
  CHECK(std::abs(ci.high - 0.3662) < 5e-5);
  auto const none = scale::wilson_interval(0, 20);
  CHECK(none.low == 0);
  CHECK(std::abs(none.high - 0.1611) < 5e-5);
  auto const all = scale::wilson_interval(29, 29);
  CHECK(std::abs(all.low - 0.8830) < 5e-5);
  CHECK(all.high == 1);
  auto const nothing = scale::wilson_interval(0, 0);
  CHECK(nothing.low == 0);
  CHECK(nothing.high == 1);
  CHECK_THROWS_AS(scale::wilson_interval(3, 2), scale::argument_error);
}

TEST_CASE("measure counts first, first five and each class by itself") {
  // Class 0 has three rows (two right), class 6 one (fourth), class 3 one (sixth); the other classes do not occur.
  auto const scores = matrix(5, 7, {9, 1, 1, 1, 1, 1, 1,  //
                                    9, 1, 1, 1, 1, 1, 1,  //
                                    1, 9, 0, 0, 0, 0, 0,  //
                                    9, 8, 7, 0, 0, 0, 5,  //
                                    9, 8, 7, 0, 6, 5, 0});
  std::vector<std::int32_t> const labels = {0, 0, 0, 6, 3};
  auto const a = scale::measure(scores, labels);
  CHECK(a.n == 5);
  CHECK(a.top1 == doctest::Approx(40));
  CHECK(a.top5 == doctest::Approx(80));
  CHECK(a.mean_class == doctest::Approx(100 * (2.0 / 3) / 3));
  CHECK(a.ci95.low < 40);
  CHECK(a.ci95.high > 40);
}

TEST_CASE("of equal scores the lower class is ahead, and minus infinity is never right") {
  double const none = -std::numeric_limits<double>::infinity();
  auto const a = scale::measure(matrix(3, 2, {1, 1, 1, 1, none, none}), std::vector<std::int32_t>{0, 1, 0});
  CHECK(a.top1 == doctest::Approx(100.0 / 3));
  CHECK(a.top5 == doctest::Approx(200.0 / 3));
  CHECK(scale::best_class(std::span<double const>(std::vector<double>{none, none})) == -1);
}

TEST_CASE("measure refuses what it cannot count") {
  double const nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(scale::measure(matrix(1, 2, {1, nan}), std::vector<std::int32_t>{0}), scale::argument_error);
  CHECK_THROWS_AS(scale::measure(matrix(1, 2, {1, 2}), std::vector<std::int32_t>{2}), scale::argument_error);
  CHECK_THROWS_AS(scale::measure(matrix(1, 2, {1, 2}), std::vector<std::int32_t>{0, 1}), scale::argument_error);
}
