// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/gelu.hpp>
#include <scale/ref/gelu.hpp>

#include <support/finite_difference.hpp>

#include <cmath>
#include <limits>

namespace {

using scale::index_t;
using testing::test_backend;

double gelu(double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }

TEST_CASE_TEMPLATE("gelu agrees with its formula over the whole range", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  for (index_t const n : {0, 1, 7, 600}) {
    index_t const c = 33;
    std::vector<T> const x = testing::random_values<T>(n * c, 1, n == 600 ? -16 : -3, n == 600 ? 16 : 3);
    std::vector<T> const dy = testing::random_values<T>(n * c, 2);
    std::vector<double> y(x.size()), dx(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      double const v = static_cast<double>(x[i]);
      y[i] = gelu(v);
      double const density = std::exp(-v * v / 2) / std::sqrt(2 * std::acos(-1.0));
      dx[i] = static_cast<double>(dy[i]) * (std::erfc(-v / std::sqrt(2.0)) / 2 + v * density);
    }
    testing::rows<T, test_backend> in(b, n, c, x), gradient(b, n, c, dy), out(b, n, c), result(b, n, c);
    scale::gelu_forward(b, in.view(), {.y = out});
    scale::gelu_backward(b, in.view(), {.dy = gradient, .dx = result});
    testing::check_close("y", out.values(b), y, testing::tolerance<T>());
    testing::check_close("dx", result.values(b), dx, testing::tolerance<T>());

    scale::gelu_backward(b, in.view(), {.dy = gradient, .dx = gradient});
    testing::check_same_bits("dx in place", gradient.values(b), result.values(b));
    scale::gelu_forward(b, in.view(), {.y = in});
    testing::check_same_bits("y in place", in.values(b), out.values(b));
  }
}

TEST_CASE_TEMPLATE("gelu keeps relative accuracy below zero", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  std::vector<T> const x = testing::random_values<T>(999, 3, -5, -4);
  std::vector<double> y;
  for (T const v : x) y.push_back(static_cast<double>(v) / 2 * std::erfc(-static_cast<double>(v) / std::sqrt(2.0)));
  testing::rows<T, test_backend> in(b, 1, 999, x), out(b, 1, 999);
  scale::gelu_forward(b, in.view(), {.y = out});
  // x^2 / 2 is near 12: the rounding of the exponent counts that many times
  testing::check_close("y", out.values(b), y, 13 * testing::unit_roundoff<T> + testing::tolerance<T>());
}

TEST_CASE_TEMPLATE("gelu has its limits at infinity and passes NaN on", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  double const nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  auto const x = testing::make_tensor<2>(b, scale::shape{1, 5},
                                         testing::converted<T>(std::vector<double>{nan, inf, -inf, 0, -60}));
  auto const one =
      testing::make_tensor<2>(b, scale::shape{1, 5}, testing::converted<T>(std::vector<double>{1, 1, 1, 1, 1}));
  scale::tensor<T, 2, test_backend> y(b, scale::shape{1, 5}), dx(b, scale::shape{1, 5});
  scale::gelu_forward(b, x, {.y = y});
  scale::gelu_backward(b, x, {.dy = one, .dx = dx});
  testing::check_close("y", testing::values_of(b, y), testing::converted<T>(std::vector<double>{nan, inf, 0, 0, 0}), 0);
  testing::check_close("dx", testing::values_of(b, dx), testing::converted<T>(std::vector<double>{nan, 1, 0, 0.5, 0}),
                       testing::tolerance<T>());
}

TEST_CASE("gelu's gradient agrees with differences") {
  scale::ref::context const b;
  std::vector<double> const x = testing::random_values(24, 4, -4, 4), dy = testing::random_values(24, 5);
  auto const loss = [&](std::vector<double> const& at) {
    testing::rows<double, scale::ref::context> in(b, 4, 6, at), out(b, 4, 6);
    scale::gelu_forward(b, in.view(), {.y = out});
    return testing::dot(out.values(b), dy);
  };
  testing::rows<double, scale::ref::context> in(b, 4, 6, x), gradient(b, 4, 6, dy), dx(b, 4, 6);
  scale::gelu_backward(b, in.view(), {.dy = gradient, .dx = dx});
  testing::check_gradient("dx", loss, x, dx.values(b));
}

TEST_CASE("gelu refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> x(b, scale::shape{3, 4}), other(b, scale::shape{4, 3});
  testing::check_argument_error([&] { scale::gelu_forward(b, x, {.y = other}); }, {"gelu_forward", "y", "[3, 4]"});
  testing::check_argument_error([&] { scale::gelu_backward(b, x, {.dy = other, .dx = x}); }, {"dy", "[3, 4]"});
}

}  // namespace
