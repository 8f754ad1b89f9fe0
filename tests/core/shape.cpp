// SPDX-License-Identifier: Apache-2.0
#include <scale/core/shape.hpp>

#include <doctest/doctest.h>
#include <support/thrown.hpp>

#include <cstdint>
#include <limits>

using scale::shape;

TEST_CASE("a shape holds extents and multiplies them") {
  shape const s{2, 3, 5};
  static_assert(std::is_same_v<decltype(s), shape<3> const>);
  CHECK(s[0] == 2);
  CHECK(s[2] == 5);
  CHECK(s.size() == 30);
  CHECK(shape{7}.size() == 7);
  CHECK(shape{2, 0, 5}.size() == 0);
  CHECK(scale::to_string(s) == "[2, 3, 5]");
  CHECK(scale::to_string(shape{4}) == "[4]");
}

TEST_CASE("shapes are equal where every extent is") {
  CHECK(shape{2, 3} == shape{2, 3});
  CHECK_FALSE(shape{2, 3} == shape{3, 2});
  CHECK_FALSE(shape{2, 3} == shape{2, 4});
}

TEST_CASE("bytes_of multiplies, and is zero where an extent is, whatever the others are") {
  CHECK(scale::bytes_of(shape{2, 3, 5}, 4) == 120);
  std::int64_t const huge = std::numeric_limits<std::int64_t>::max();
  CHECK(scale::bytes_of(shape{std::int64_t{0}, huge, huge}, 8) == 0);
}

TEST_CASE("bytes_of accepts the largest size there is and refuses one more") {
  std::int64_t const largest = std::numeric_limits<std::ptrdiff_t>::max();
  CHECK(scale::bytes_of(shape{largest}, 1) == static_cast<std::size_t>(largest));
  CHECK(scale::bytes_of(shape{largest / 8}, 8) == static_cast<std::size_t>(largest / 8 * 8));
  CHECK_THROWS_AS(scale::bytes_of(shape{largest / 8 + 1}, 8), scale::argument_error);
  CHECK_THROWS_AS(scale::bytes_of(shape{largest}, 2), scale::argument_error);
}

TEST_CASE("an overflow is refused with the shape and the caller's line") {
  std::int64_t const side = std::int64_t{1} << 32;
  unsigned const line = __LINE__ + 1;
  auto const make = [&] { scale::bytes_of(shape{side, side, std::int64_t{2}}, 4); };
  CHECK(testing::thrown<scale::argument_error>(make) ==
        "[tensor] size of shape [4294967296, 4294967296, 2] overflows (" + testing::here(__FILE__, line) + ")");
}

TEST_CASE("a negative extent is refused, also behind a zero-free prefix") {
  CHECK(testing::contains(testing::thrown<scale::argument_error>([] {
                            scale::bytes_of(shape{3, -1}, 4);
                          }),
                          "[tensor] negative extent in shape [3, -1]"));
}
