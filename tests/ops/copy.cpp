// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/copy.hpp>

#include <support/compare.hpp>
#include <support/tolerance.hpp>

namespace {

using scale::index_t;
using scale::write_mode;
using testing::rows;
using testing::test_backend;

TEST_CASE_TEMPLATE("copy copies and adds rows that lie apart", T, SCALE_TEST_STORED_TYPES) {
  test_backend const b = testing::make_backend();
  for (auto const& [n, c] : {std::pair<index_t, index_t>{0, 3}, {1, 1}, {13, 37}, {700, 131}})
    for (index_t const gap : {0, 3}) {
      auto const x = testing::random_values<T>(n * c, 1), y = testing::random_values<T>(n * c, 2);
      auto sum = y;
      for (std::size_t i = 0; i < x.size(); ++i) sum[i] = T(scale::stat_t<T>(sum[i]) + scale::stat_t<T>(x[i]));
      rows<T, test_backend> in(b, n, c, x, gap), out(b, n, c, y, 3);
      scale::copy(b, in.view(), {.y = out, .mode = write_mode::accumulate});
      testing::check_same_bits("y +=", out.values(b), sum);
      scale::copy(b, in.view(), {.y = out});
      testing::check_same_bits("y =", out.values(b), x);
    }
}

TEST_CASE("copy moves integers, and refuses to add them") {
  test_backend const b = testing::make_backend();
  auto const x = testing::make_tensor<2>(b, scale::shape{1, 3}, std::vector<std::int32_t>{1, -2, 1 << 30});
  scale::tensor<std::int32_t, 2, test_backend> y(b, scale::shape{1, 3});
  scale::copy(b, x, {.y = y});
  CHECK(testing::values_of(b, y) == testing::values_of(b, x));
  testing::check_argument_error([&] { scale::copy(b, x, {.y = y, .mode = write_mode::accumulate}); }, {"mode", "i32"});
}

TEST_CASE("copy refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> x(b, scale::shape{3, 4}), y(b, scale::shape{3, 5});
  testing::check_argument_error([&] { scale::copy(b, x, {.y = y}); }, {"copy", "y", "[3, 4]", "[3, 5]"});
}

}  // namespace
