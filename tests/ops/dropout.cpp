// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/dropout.hpp>
#include <scale/ref/dropout.hpp>

#include <support/finite_difference.hpp>

#include <cmath>
#include <limits>

namespace {

using scale::index_t;
using testing::rows;
using testing::test_backend;

scale::random_key const key = scale::make_key(7, 3, scale::purpose::dropout, 2);

TEST_CASE_TEMPLATE("dropout drops what dropout_keeps says, and scales the rest", T, SCALE_TEST_TYPES) {
  using stat = scale::stat_t<T>;
  test_backend const b = testing::make_backend();
  for (double const p : {0.0, 0.1, 0.5, 0.999})
    for (auto const& [n, c] : {std::pair<index_t, index_t>{0, 3}, {1, 1}, {3, 5}, {9, 67}, {2, 1027}}) {
      CAPTURE(p);
      CAPTURE(n);
      CAPTURE(c);
      auto const x = testing::random_values<T>(n * c, 1, 1, 2), residual = testing::random_values<T>(n * c, 2);
      auto const numbers = testing::random_indices(n, 3, 0, 1000);
      auto const index = testing::make_vector(b, numbers);
      rows<T, test_backend> in(b, n, c, x), rest(b, n, c, residual), out(b, n, c), dx(b, n, c), plain(b, n, c);
      for (bool const numbered : {false, true}) {
        scale::tensor_view<std::int32_t const, 1, test_backend> given;
        if (numbered) given = index;
        std::vector<double> kept, sum;
        for (index_t i = 0; i < n; ++i)
          for (index_t j = 0; j < c; ++j) {
            auto const at = static_cast<std::size_t>(i * c + j);
            index_t const row = numbered ? numbers[static_cast<std::size_t>(i)] : i;
            bool const keeps = scale::dropout_keeps(key, static_cast<std::uint64_t>(row * c + j), p);
            kept.push_back(keeps ? static_cast<double>(x[at]) * static_cast<double>(stat(1 / (1 - p))) : 0.0);
            sum.push_back(kept.back() + static_cast<double>(residual[at]));
          }
        scale::dropout_forward(b, in.view(), {.y = out, .residual = rest, .p = p, .key = key, .rows = given});
        testing::check_close("y", out.values(b), sum, testing::tolerance<T>());
        scale::dropout_forward(b, in.view(), {.y = plain, .p = p, .key = key, .rows = given});
        testing::check_close("y without residual", plain.values(b), kept, testing::tolerance<T>());
        scale::dropout_backward(b, in.view(), {.dx = dx, .p = p, .key = key, .rows = given});
        testing::check_same_bits("dx", dx.values(b), plain.values(b));
        auto const got = plain.values(b);  // the mask itself: exactly 0 where dropped, nowhere else
        bool same = true;
        for (std::size_t at = 0; at < kept.size(); ++at) same &= (got[at] == 0) == (kept[at] == 0);
        CHECK(same);
      }
      scale::dropout_forward(b, in.view(), {.y = out, .residual = rest, .p = p, .key = key});
      rows<T, test_backend> over_x(b, n, c, x), over_residual(b, n, c, residual);
      scale::dropout_forward(b, over_x.view(), {.y = over_x, .residual = rest, .p = p, .key = key});
      testing::check_same_bits("y in place of x", over_x.values(b), out.values(b));
      scale::dropout_forward(b, in.view(), {.y = over_residual, .residual = over_residual, .p = p, .key = key});
      testing::check_same_bits("y in place of residual", over_residual.values(b), out.values(b));
    }
}

TEST_CASE_TEMPLATE("dropout: a subset of rows has the rows' masks of the whole", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  index_t const n = 50, c = 29;
  rows<T, test_backend> all(b, n, c, std::vector<T>(static_cast<std::size_t>(n * c), T(1)));
  rows<T, test_backend> some(b, 3, c, std::vector<T>(static_cast<std::size_t>(3 * c), T(1)));
  auto const index = testing::make_vector(b, std::vector<std::int32_t>{41, 0, 17});
  scale::dropout_forward(b, all.view(), {.y = all, .p = 0.3, .key = key});
  scale::dropout_forward(b, some.view(), {.y = some, .p = 0.3, .key = key, .rows = index});
  auto const whole = all.values(b);
  std::vector<T> expected;
  for (std::ptrdiff_t const r : {41, 0, 17})
    expected.insert(expected.end(), whole.begin() + r * c, whole.begin() + (r + 1) * c);
  testing::check_same_bits("rows", some.values(b), expected);
}

TEST_CASE_TEMPLATE("dropout drops its share, and infinities with it", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  index_t const n = 200, c = 500;
  double const p = 0.1;
  T const infinity(std::numeric_limits<float>::infinity());
  rows<T, test_backend> x(b, n, c, std::vector<T>(static_cast<std::size_t>(n * c), infinity));
  scale::dropout_forward(b, x.view(), {.y = x, .p = p, .key = key});
  double dropped = 0;
  bool whole = true;
  for (T const v : x.values(b)) dropped += v == 0, whole &= v == 0 || v == infinity;
  CHECK(whole);
  double const count = static_cast<double>(n * c);
  CHECK(std::abs(dropped / count - p) < 5 * std::sqrt(p * (1 - p) / count));  // five standard deviations
}

TEST_CASE("dropout refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> x(b, scale::shape{3, 4}), other(b, scale::shape{4, 3});
  testing::check_argument_error([&] { scale::dropout_forward(b, x, {.y = x, .p = 1.0}); }, {"p", "[0, 1)"});
  testing::check_argument_error([&] { scale::dropout_forward(b, x, {.y = x, .p = std::nan("")}); }, {"p", "[0, 1)"});
  testing::check_argument_error([&] { scale::dropout_forward(b, x, {.y = x, .residual = other}); }, {"residual"});
  auto const negative = testing::make_vector(b, std::vector<std::int32_t>{0, -1, 2});
  testing::check_index_error<test_backend>(
      [&] { scale::dropout_backward(b, x, {.dx = x, .p = 0.5, .rows = negative}); }, {"rows[1]", "-1"});
}

}  // namespace
