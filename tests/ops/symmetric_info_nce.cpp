// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/symmetric_info_nce.hpp>
#include <scale/ref/symmetric_info_nce.hpp>

#include <support/finite_difference.hpp>

#include <cmath>

namespace {

using scale::index_t;
using scale::shape;
using testing::test_backend;

template <class T, class B>
struct symmetric_run {
  std::vector<T> da, dother;
  std::vector<scale::stat_t<T>> loss, lse_rows, lse_columns;
  std::vector<std::int32_t> correct;

  symmetric_run(B const& b, index_t n, index_t c, std::vector<T> const& a, std::vector<T> const& other,
                double temperature, double scale = 1) {
    using stat = scale::stat_t<T>;
    testing::rows<T, B> left(b, n, c, a), right(b, n, c, other), da_(b, n, c), dother_(b, n, c);
    scale::tensor<stat, 1, B> loss_(b, shape{1}), rows(b, shape{n}), columns(b, shape{n});
    scale::tensor<std::int32_t, 1, B> correct_(b, shape{2});
    scale::symmetric_info_nce_forward(b, left.view(),
                                      {.other = right,
                                       .temperature = temperature,
                                       .lse_rows = rows,
                                       .lse_columns = columns,
                                       .loss = loss_,
                                       .correct = correct_});
    scale::symmetric_info_nce_backward(b, left.view(),
                                       {.other = right,
                                        .temperature = temperature,
                                        .lse_rows = rows,
                                        .lse_columns = columns,
                                        .scale = scale,
                                        .da = da_,
                                        .dother = dother_});
    da = da_.values(b), dother = dother_.values(b), loss = testing::values_of(b, loss_);
    lse_rows = testing::values_of(b, rows), lse_columns = testing::values_of(b, columns);
    correct = testing::values_of(b, correct_);
  }
};

TEST_CASE("ref: symmetric_info_nce agrees with its formula and its gradients with differences") {
  scale::ref::context const b;
  auto const a = testing::random_values(4 * 3, 1), other = testing::random_values(4 * 3, 2);
  auto const formula = [&](std::vector<double> const& x, std::vector<double> const& y) {
    double loss = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      double rows = 0, columns = 0, own = 0;
      for (std::size_t j = 0; j < 4; ++j) {
        double row = 0, column = 0;
        for (std::size_t l = 0; l < 3; ++l) row += x[3 * i + l] * y[3 * j + l] / 0.5;
        for (std::size_t l = 0; l < 3; ++l) column += x[3 * j + l] * y[3 * i + l] / 0.5;
        rows += std::exp(row), columns += std::exp(column);
        if (i == j) own = row;
      }
      loss += (std::log(rows) + std::log(columns) - 2 * own) / 8;
    }
    return loss;
  };
  symmetric_run<double, scale::ref::context> const run(b, 4, 3, a, other, 0.5, 0.3);
  testing::check_close("loss", run.loss, std::vector<double>{formula(a, other)}, 1e-13);
  testing::check_gradient(
      "da", [&](auto const& at) { return 0.3 * formula(at, other); }, a, run.da);
  testing::check_gradient(
      "dother", [&](auto const& at) { return 0.3 * formula(a, at); }, other, run.dother);
}

TEST_CASE_TEMPLATE("symmetric_info_nce agrees with ref", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  scale::ref::context const oracle;
  for (auto const& [n, c] : {std::pair<index_t, index_t>{0, 3}, {1, 5}, {2, 1}, {61, 23}, {701, 5}}) {
    CAPTURE(n);
    CAPTURE(c);
    auto const a = testing::random_values<T>(n * c, 1), other = testing::random_values<T>(n * c, 2);
    symmetric_run<double, scale::ref::context> const expected(oracle, n, c, testing::converted<double>(a),
                                                              testing::converted<double>(other), 0.2);
    symmetric_run<T, test_backend> const got(b, n, c, a, other, 0.2);
    using stat = scale::stat_t<T>;
    double const argument = static_cast<double>(c) / 0.2 * testing::tolerance<stat>(c) / 4;
    double const allowed = testing::tolerance<stat>(n) + argument;
    double const slopes = testing::tolerance<T>(n) + argument + testing::storage_rounding<T>;
    if (n > 1) {
      testing::check_close("loss", got.loss, expected.loss, allowed);
      testing::check_close("da", got.da, expected.da, slopes);
      testing::check_close("dother", got.dother, expected.dother, slopes);
    }
    testing::check_close("lse_rows", got.lse_rows, expected.lse_rows, allowed);
    testing::check_close("lse_columns", got.lse_columns, expected.lse_columns, allowed);
    CHECK(got.correct == expected.correct);
  }
}

TEST_CASE_TEMPLATE("symmetric_info_nce of one pair is 0, and ties go to the lower index", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  symmetric_run<T, test_backend> const one(b, 1, 2, {T(3.0f), T(4.0f)}, {T(5.0f), T(6.0f)}, 0.2);
  CHECK(one.loss[0] == 0);
  CHECK(one.correct == std::vector<std::int32_t>{1, 1});
  symmetric_run<T, test_backend> const same(b, 3, 1, {T(1.0f), T(1.0f), T(1.0f)}, {T(2.0f), T(2.0f), T(2.0f)}, 0.01);
  testing::check_close("loss", same.loss, std::vector<double>{std::log(3.0)}, testing::tolerance<scale::stat_t<T>>());
  CHECK(same.correct == std::vector<std::int32_t>{1, 1});
}

TEST_CASE("symmetric_info_nce refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> a(b, shape{2, 4}), wrong(b, shape{3, 4});
  scale::tensor<float, 1, test_backend> loss(b, shape{1}), lse(b, shape{2});
  scale::tensor<std::int32_t, 1, test_backend> one(b, shape{1}), two(b, shape{2});
  auto const forward = [&](auto const& other, auto& correct) {
    scale::symmetric_info_nce_forward(
        b, a,
        {.other = other, .temperature = 1, .lse_rows = lse, .lse_columns = lse, .loss = loss, .correct = correct});
  };
  testing::check_argument_error([&] { forward(wrong, two); }, {"symmetric_info_nce_forward", "other", "[2, 4]"});
  testing::check_argument_error([&] { forward(a, one); }, {"correct", "[2]", "[1]"});
}

}  // namespace
