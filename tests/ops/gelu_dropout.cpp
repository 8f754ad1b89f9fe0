// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/dropout.hpp>
#include <scale/ops/gelu.hpp>
#include <scale/ops/gelu_dropout.hpp>
#include <scale/ref/dropout.hpp>
#include <scale/ref/gelu.hpp>
#include <scale/ref/gelu_dropout.hpp>

#include <support/compare.hpp>
#include <support/finite_difference.hpp>
#include <support/thrown.hpp>
#include <support/tolerance.hpp>

#include <cmath>
#include <limits>

namespace {

using scale::index_t;
using testing::rows;
using testing::test_backend;

scale::random_key const key = scale::make_key(7, 3, scale::purpose::dropout, 2);

/// value and slope of x [n, c] in double, by the two operators that gelu_dropout stands for.
struct two_steps {
  std::vector<double> y, slope;

  two_steps(index_t n, index_t c, std::vector<double> const& x, double p, std::vector<std::int32_t> const& numbers) {
    using ref = scale::ref::context;
    ref const b;
    rows<double, ref> in(b, n, c, x), out(b, n, c), ones(b, n, c, std::vector<double>(x.size(), 1));
    auto const index = testing::make_vector(b, numbers);
    scale::tensor_view<std::int32_t const, 1, ref> given;
    if (!numbers.empty() || n == 0) given = index;
    scale::gelu_forward(b, in.view(), {.y = out});
    scale::dropout_forward(b, out.view(), {.y = out, .p = p, .key = key, .rows = given});
    y = out.values(b);
    scale::dropout_backward(b, ones.view(), {.dx = ones, .p = p, .key = key, .rows = given});
    scale::gelu_backward(b, in.view(), {.dy = ones, .dx = out});
    slope = out.values(b);
  }
};

TEST_CASE("ref: gelu_dropout's slope is the derivative of its value") {
  scale::ref::context const b;
  index_t const n = 4, c = 6;
  auto const x = testing::random_values(n * c, 1, -3, 3), dy = testing::random_values(n * c, 2);
  auto const value = [&](std::vector<double> const& at) {
    rows<double, scale::ref::context> in(b, n, c, at), out(b, n, c);
    scale::gelu_dropout(b, in.view(), {.y = out, .p = 0.3, .key = key});
    return testing::dot(out.values(b), dy);
  };
  rows<double, scale::ref::context> in(b, n, c, x), out(b, n, c), slope(b, n, c);
  scale::gelu_dropout(b, in.view(), {.y = out, .slope = slope, .p = 0.3, .key = key});
  std::vector<double> dx = slope.values(b);
  for (std::size_t i = 0; i < dx.size(); ++i) dx[i] *= dy[i];
  testing::check_gradient("dx", value, x, dx);
}

TEST_CASE_TEMPLATE("gelu_dropout agrees with gelu, then dropout", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  // Both fall like exp(-x^2 / 2): rounding its argument moves a number alone at -6 by x^2 roundings.
  double const tail = 36 * testing::unit_roundoff<scale::stat_t<T>>;
  for (double const p : {0.0, 0.1, 0.6})
    for (auto const& [n, c] : {std::pair<index_t, index_t>{0, 3}, {1, 1}, {3, 5}, {9, 67}, {2, 1027}})
      for (bool const numbered : {false, true}) {
        CAPTURE(p);
        CAPTURE(n);
        CAPTURE(c);
        CAPTURE(numbered);
        auto const x = testing::random_values<T>(n * c, 1, -6, 6);
        auto const numbers = numbered ? testing::random_indices(n, 3, 0, 1000) : std::vector<std::int32_t>();
        two_steps const expected(n, c, testing::converted<double>(x), p, numbers);
        auto const index = testing::make_vector(b, numbers);
        scale::tensor_view<std::int32_t const, 1, test_backend> given;
        if (numbered) given = index;
        rows<T, test_backend> in(b, n, c, x), y(b, n, c), slope(b, n, c), alone(b, n, c);
        scale::gelu_dropout(b, in.view(), {.y = y, .slope = slope, .p = p, .key = key, .rows = given});
        testing::check_close("y", y.values(b), expected.y, tail + testing::tolerance<T>());
        testing::check_close("slope", slope.values(b), expected.slope, tail + testing::tolerance<T>());
        auto const kept = y.values(b);  // the mask itself: exactly 0 where dropped
        for (std::size_t i = 0; i < kept.size(); ++i) REQUIRE((kept[i] == 0) == (expected.y[i] == 0));
        scale::gelu_dropout(b, in.view(), {.y = alone, .p = p, .key = key, .rows = given});
        testing::check_same_bits("y without slope", alone.values(b), kept);
        scale::gelu_dropout(b, in.view(), {.y = alone, .slope = in, .p = p, .key = key, .rows = given});
        testing::check_same_bits("slope in place of x", in.values(b), slope.values(b));
        testing::check_same_bits("y beside it", alone.values(b), kept);
        in.set(b, x);
        scale::gelu_dropout(b, in.view(), {.y = in, .p = p, .key = key, .rows = given});
        testing::check_same_bits("y in place of x", in.values(b), kept);
      }
}

TEST_CASE_TEMPLATE("gelu_dropout drops infinities and NaN, and passes on those that stay", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  index_t const c = 300;
  for (double const value : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    rows<T, test_backend> x(b, 1, c, testing::converted<T>(std::vector<double>(300, value))), y(b, 1, c);
    scale::gelu_dropout(b, x.view(), {.y = y, .slope = x, .p = 0.5, .key = key});
    auto const kept = y.values(b), slope = x.values(b);
    for (index_t j = 0; j < c; ++j) {
      double const got = static_cast<double>(kept[std::size_t(j)]), by = static_cast<double>(slope[std::size_t(j)]);
      if (!scale::dropout_keeps(key, static_cast<std::uint64_t>(j), 0.5)) {
        REQUIRE(got == 0);
        REQUIRE(by == 0);
      } else if (std::isnan(value)) {
        REQUIRE(std::isnan(got));
        REQUIRE(std::isnan(by));
      } else {
        REQUIRE(got == value);
        REQUIRE(by == 2);
      }
    }
  }
}

TEST_CASE("gelu_dropout refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> x(b, scale::shape{3, 4}), other(b, scale::shape{4, 3});
  testing::check_argument_error([&] { scale::gelu_dropout(b, x, {.y = other}); },
                                {"gelu_dropout", "y", "[3, 4]", "[4, 3]"});
  testing::check_argument_error([&] { scale::gelu_dropout(b, x, {.y = x, .slope = other}); }, {"slope"});
  testing::check_argument_error([&] { scale::gelu_dropout(b, x, {.y = x, .p = 1.0}); }, {"p", "[0, 1)"});
  auto const negative = testing::make_vector(b, std::vector<std::int32_t>{0, -1, 2});
  testing::check_index_error<test_backend>([&] { scale::gelu_dropout(b, x, {.y = x, .p = 0.5, .rows = negative}); },
                                           {"rows"});
}

}  // namespace
