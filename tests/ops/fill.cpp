// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/fill.hpp>

#include <support/compare.hpp>

#include <limits>

namespace {

using scale::shape;
using testing::test_backend;

TEST_CASE_TEMPLATE("fill sets every element", T, SCALE_TEST_TYPES) {
  test_backend const b = testing::make_backend();
  for (scale::index_t const n : {0, 1, 7, 70001}) {
    scale::tensor<T, 3, test_backend> x(b, shape{n, 1, 3});
    scale::fill(b, x, 0.1);
    testing::check_same_bits("x", testing::values_of(b, x),
                             std::vector<T>(static_cast<std::size_t>(3 * n), T(static_cast<scale::stat_t<T>>(0.1))));
  }
}

TEST_CASE("fill takes integers that the type holds, and rounds to 16-bit types") {
  test_backend const b = testing::make_backend();
  scale::tensor<std::uint8_t, 1, test_backend> bytes(b, shape{2});
  scale::fill(b, bytes, 255);
  CHECK(testing::values_of(b, bytes) == std::vector<std::uint8_t>{255, 255});
  testing::check_argument_error([&] { scale::fill(b, bytes, 256); }, {"fill", "value", "u8", "256"});
  testing::check_argument_error([&] { scale::fill(b, bytes, -1); }, {"value"});
  testing::check_argument_error([&] { scale::fill(b, bytes, 0.5); }, {"value"});
  scale::tensor<std::int64_t, 1, test_backend> wide(b, shape{1});
  scale::fill(b, wide, -0x1p63);
  CHECK(testing::values_of(b, wide)[0] == std::numeric_limits<std::int64_t>::min());
  testing::check_argument_error([&] { scale::fill(b, wide, 0x1p63); }, {"value", "i64"});
  scale::tensor<scale::bf16, 1, test_backend> half(b, shape{1});
  scale::fill(b, half, 1.00390625);  // halfway between 1 and its neighbour: to even
  CHECK(static_cast<float>(testing::values_of(b, half)[0]) == 1.0f);
}

TEST_CASE("fill refuses a view with gaps") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> x(b, shape{3, 4});
  testing::check_argument_error([&] { scale::fill(b, x.view().columns(0, 2), 1); }, {"destination layout"});
}

}  // namespace
