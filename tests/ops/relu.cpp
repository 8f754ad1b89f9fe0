// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/relu.hpp>

#include <support/finite_difference.hpp>

#include <cmath>
#include <limits>

namespace {

using scale::index_t;
using testing::test_backend;

TEST_CASE_TEMPLATE("relu keeps what is above zero and passes its gradient", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  for (index_t const n : {0, 1, 3, 37}) {
    index_t const c = 19;
    std::vector<T> x = testing::random_values<T>(n * c, 1), dy = testing::random_values<T>(n * c, 2);
    if (n > 0) x[0] = T(0);
    std::vector<T> y(x.size()), dx(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      y[i] = x[i] > 0 ? x[i] : T(0);
      dx[i] = x[i] > 0 ? dy[i] : T(0);
    }
    testing::rows<T, test_backend> in(b, n, c, x), gradient(b, n, c, dy), out(b, n, c), result(b, n, c);
    scale::relu_forward(b, in.view(), {.y = out});
    scale::relu_backward(b, in.view(), {.dy = gradient, .dx = result});
    testing::check_same_bits("y", out.values(b), y);
    testing::check_same_bits("dx", result.values(b), dx);

    scale::relu_backward(b, out.view(), {.dy = gradient, .dx = result});
    testing::check_same_bits("dx from y", result.values(b), dx);
    scale::relu_forward(b, in.view(), {.y = in});
    testing::check_same_bits("y in place", in.values(b), y);
    scale::relu_backward(b, out.view(), {.dy = gradient, .dx = gradient});
    testing::check_same_bits("dx in place", gradient.values(b), dx);
  }
}

TEST_CASE_TEMPLATE("relu passes NaN on", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  double const nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  auto x = testing::make_tensor<2>(b, scale::shape{1, 3}, testing::converted<T>(std::vector<double>{nan, inf, -inf}));
  scale::tensor<T, 2, test_backend> y(b, scale::shape{1, 3});
  scale::relu_forward(b, x, {.y = y});
  testing::check_close("y", testing::values_of(b, y), testing::converted<T>(std::vector<double>{nan, inf, 0}), 0);
}

TEST_CASE("relu refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> x(b, scale::shape{3, 4}), other(b, scale::shape{4, 3});
  testing::check_argument_error([&] { scale::relu_forward(b, x, {.y = other}); }, {"relu_forward", "y", "[3, 4]"});
  testing::check_argument_error([&] { scale::relu_forward(b, x, {.y = {}}); }, {"relu_forward", "y"});
  testing::check_argument_error([&] { scale::relu_backward(b, x, {.dy = other, .dx = x}); }, {"dy", "[3, 4]"});
}

}  // namespace
