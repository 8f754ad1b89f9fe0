// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/softmax.hpp>
#include <scale/ref/softmax.hpp>

#include <support/finite_difference.hpp>

#include <cmath>
#include <limits>

namespace {

using scale::index_t;
using testing::test_backend;

TEST_CASE_TEMPLATE("softmax agrees with its formula", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  for (auto const& [n, c] : {std::pair<index_t, index_t>{0, 5}, {1, 1}, {5, 9}, {3, 31}, {37, 67}, {4, 0}}) {
    auto const at = [c = c](index_t i, index_t j) { return static_cast<std::size_t>(i * c + j); };
    std::vector<T> const x = testing::random_values<T>(n * c, 1, -6, 6), dy = testing::random_values<T>(n * c, 2);
    std::vector<double> y(x.size()), dx(x.size());
    for (index_t i = 0; i < n; ++i) {
      double sum = 0, dot = 0;
      for (index_t j = 0; j < c; ++j) sum += std::exp(static_cast<double>(x[at(i, j)]));
      for (index_t j = 0; j < c; ++j) y[at(i, j)] = std::exp(static_cast<double>(x[at(i, j)])) / sum;
      for (index_t j = 0; j < c; ++j) dot += y[at(i, j)] * static_cast<double>(dy[at(i, j)]);
      for (index_t j = 0; j < c; ++j) dx[at(i, j)] = y[at(i, j)] * (static_cast<double>(dy[at(i, j)]) - dot);
    }
    testing::rows<T, test_backend> in(b, n, c, x), gradient(b, n, c, dy), out(b, n, c), result(b, n, c);
    scale::softmax_forward(b, in.view(), {.y = out});
    scale::softmax_backward(b, out.view(), {.dy = gradient, .dx = result});
    // x - max is as large as 12 and is rounded before exp
    double const allowed = 12 * testing::unit_roundoff<scale::stat_t<T>> + testing::tolerance<T>(c);
    testing::check_close("y", out.values(b), y, allowed);
    if (c != 1) testing::check_close("dx", result.values(b), dx, 2 * allowed);
    scale::softmax_backward(b, out.view(), {.dy = gradient, .dx = gradient});
    testing::check_same_bits("dx in place", gradient.values(b), result.values(b));
  }
}

TEST_CASE_TEMPLATE("softmax bears large entries, and gives -infinity the weight 0", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  double const inf = std::numeric_limits<double>::infinity();
  auto const x = testing::make_tensor<2>(b, scale::shape{2, 3},
                                         testing::converted<T>(std::vector<double>{1000, 1000, -1000, 3, -inf, 3}));
  scale::tensor<T, 2, test_backend> y(b, scale::shape{2, 3});
  scale::softmax_forward(b, x, {.y = y});
  testing::check_close("y", testing::values_of(b, y), std::vector<double>{0.5, 0.5, 0, 0.5, 0, 0.5},
                       testing::tolerance<T>());
}

TEST_CASE("softmax's gradient agrees with differences") {
  scale::ref::context const b;
  std::vector<double> const x = testing::random_values(21, 4, -2, 2), dy = testing::random_values(21, 5);
  auto const loss = [&](std::vector<double> const& at) {
    testing::rows<double, scale::ref::context> in(b, 3, 7, at), out(b, 3, 7);
    scale::softmax_forward(b, in.view(), {.y = out});
    return testing::dot(out.values(b), dy);
  };
  testing::rows<double, scale::ref::context> in(b, 3, 7, x), gradient(b, 3, 7, dy), y(b, 3, 7), dx(b, 3, 7);
  scale::softmax_forward(b, in.view(), {.y = y});
  scale::softmax_backward(b, y.view(), {.dy = gradient, .dx = dx});
  testing::check_gradient("dx", loss, x, dx.values(b));
}

TEST_CASE("softmax refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> x(b, scale::shape{3, 4}), other(b, scale::shape{4, 3});
  testing::check_argument_error([&] { scale::softmax_forward(b, x, {.y = other}); }, {"softmax_forward", "y"});
  testing::check_argument_error([&] { scale::softmax_backward(b, x, {.dy = other, .dx = x}); }, {"dy", "[3, 4]"});
}

}  // namespace
