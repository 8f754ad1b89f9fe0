// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/elementwise_product.hpp>

#include <support/compare.hpp>
#include <support/thrown.hpp>

namespace {

using scale::index_t;
using testing::test_backend;

TEST_CASE_TEMPLATE("elementwise_product multiplies element by element, in place too", T, SCALE_TEST_TYPES) {
  using stat = scale::stat_t<T>;
  test_backend const b = testing::make_backend();
  for (auto const& [n, c] : {std::pair<index_t, index_t>{0, 3}, {1, 1}, {7, 37}, {300, 513}}) {
    auto const x = testing::random_values<T>(n * c, 1, -3, 3), by = testing::random_values<T>(n * c, 2, -3, 3);
    std::vector<T> expected;
    for (std::size_t i = 0; i < x.size(); ++i) expected.push_back(T(stat(x[i]) * stat(by[i])));
    testing::rows<T, test_backend> left(b, n, c, x), right(b, n, c, by), out(b, n, c);
    scale::elementwise_product(b, left.view(), {.by = right, .y = out});
    testing::check_same_bits("y", out.values(b), expected);
    scale::elementwise_product(b, left.view(), {.by = right, .y = left});
    testing::check_same_bits("y in place of x", left.values(b), expected);
    left.set(b, x);
    scale::elementwise_product(b, left.view(), {.by = right, .y = right});
    testing::check_same_bits("y in place of by", right.values(b), expected);
  }
}

TEST_CASE("elementwise_product refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> x(b, scale::shape{3, 4}), other(b, scale::shape{4, 3});
  testing::check_argument_error([&] { scale::elementwise_product(b, x, {.by = other, .y = x}); },
                                {"elementwise_product", "by", "[3, 4]", "[4, 3]"});
  testing::check_argument_error([&] { scale::elementwise_product(b, x, {.by = x, .y = other}); },
                                {"elementwise_product", "y"});
}

}  // namespace
