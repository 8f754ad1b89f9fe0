// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/largest_magnitude.hpp>
#include <scale/ops/transfer.hpp>

#include <support/compare.hpp>
#include <support/random_tensor.hpp>

#include <cmath>
#include <limits>

namespace {

using scale::index_t;
using scale::shape;
using testing::test_backend;

template <class T>
T found(test_backend const& b, std::vector<T> const& x) {
  scale::tensor<T, 1, test_backend> in(b, shape{static_cast<index_t>(x.size())}), y(b, shape{index_t{1}});
  scale::upload(b, std::span<T const>(x), in);
  scale::largest_magnitude(b, in, {.y = y});
  T out[1] = {-1};
  scale::download(b, y, std::span<T>(out));
  return out[0];
}

TEST_CASE_TEMPLATE("largest_magnitude is exact, wherever the largest is", T, SCALE_TEST_WIDE_TYPES) {
  test_backend const b = testing::make_backend();
  CHECK(found<T>(b, {}) == 0);
  CHECK(found<T>(b, {T(-0.0)}) == 0);
  T const least = std::numeric_limits<T>::denorm_min(), most = std::numeric_limits<T>::max();
  CHECK(found<T>(b, {0, -least, 0}) == least);
  for (index_t const n : {1, 2, 31, 255, 257, 8191, 8193, 70'000}) {
    CAPTURE(n);
    auto x = testing::random_values<T>(n, 1);
    for (index_t const at : {index_t{0}, n / 2, n - 1}) {
      T const before = x[static_cast<std::size_t>(at)];
      for (T const value : {T(-1000.5), T(1000.5), -most, std::numeric_limits<T>::infinity()}) {
        x[static_cast<std::size_t>(at)] = value;
        CHECK(found(b, x) == std::abs(value));
      }
      x[static_cast<std::size_t>(at)] = before;
    }
  }
}

TEST_CASE_TEMPLATE("largest_magnitude of anything with NaN is NaN", T, SCALE_TEST_WIDE_TYPES) {
  test_backend const b = testing::make_backend();
  for (index_t const n : {1, 3, 500, 70'000})
    for (index_t const at : {index_t{0}, n / 2, n - 1})
      for (T const sign : {T(1), T(-1)}) {
        auto x = testing::random_values<T>(n, 2);
        x[static_cast<std::size_t>(at)] = std::copysign(std::numeric_limits<T>::quiet_NaN(), sign);
        CHECK(std::isnan(found(b, x)));
        x[static_cast<std::size_t>(n - 1 - at)] = std::numeric_limits<T>::infinity();
        if (n - 1 - at != at) CHECK(std::isnan(found(b, x)));
      }
}

TEST_CASE("largest_magnitude refuses what its contract forbids") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 1, test_backend> x(b, shape{index_t{4}}), wrong(b, shape{index_t{2}});
  testing::check_argument_error([&] { scale::largest_magnitude(b, x, {.y = wrong}); },
                                {"largest_magnitude", "y", "[1]", "[2]"});
}

}  // namespace
