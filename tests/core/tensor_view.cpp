// SPDX-License-Identifier: Apache-2.0
#include <scale/core/tensor_view.hpp>
#include <scale/ref/context.hpp>

#include <doctest/doctest.h>
#include <support/thrown.hpp>

#include <array>
#include <limits>
#include <numeric>
#include <type_traits>

namespace {

using context = scale::ref::context;
template <class T, int Rank>
using view = scale::tensor_view<T, Rank, context>;
using scale::shape;

// Row-major memory with element i equal to i.
template <std::size_t Size>
std::array<float, Size> counting() {
  std::array<float, Size> values;
  std::iota(values.begin(), values.end(), 0.0f);
  return values;
}

}  // namespace

static_assert(std::is_trivially_copyable_v<view<float, 1>>);
static_assert(std::is_trivially_copyable_v<view<float const, 5>>);
static_assert(std::is_trivially_copyable_v<view<scale::bf16, 3>>);
static_assert(std::is_standard_layout_v<view<float, 3>>);
static_assert(std::is_convertible_v<view<float, 2>, view<float const, 2>>);
static_assert(!std::is_convertible_v<view<float const, 2>, view<float, 2>>);
static_assert(!std::is_convertible_v<view<float, 2>, view<float const, 3>>);
static_assert(!std::is_convertible_v<view<float, 2>, view<double const, 2>>);

TEST_CASE("a default view has no data and no elements") {
  view<float, 2> const none;
  CHECK_FALSE(none.has_data());
  CHECK(none.size() == 0);
  CHECK(none.is_contiguous());
}

TEST_CASE("a row-major view of rank 5 addresses elements in order") {
  auto memory = counting<2 * 3 * 4 * 5 * 6>();
  view<float, 5> const x(memory.data(), shape{2, 3, 4, 5, 6});
  CHECK(x.strides() == shape{360, 120, 30, 6, 1});
  float expected = 0;
  for (int n = 0; n < 2; ++n)
    for (int c = 0; c < 3; ++c)
      for (int t = 0; t < 4; ++t)
        for (int h = 0; h < 5; ++h)
          for (int w = 0; w < 6; ++w) REQUIRE(x(n, c, t, h, w) == expected++);
}

TEST_CASE("rows are a window on the first axis") {
  auto memory = counting<12>();
  view<float, 2> const x(memory.data(), shape{4, 3});
  view<float, 2> const middle = x.rows(1, 2);
  CHECK(middle.extents() == shape{2, 3});
  CHECK(middle(0, 0) == 3.0f);
  CHECK(middle(1, 2) == 8.0f);
  CHECK(middle.is_contiguous());
  middle(0, 1) = -1.0f;
  CHECK(memory[4] == -1.0f);
  CHECK(x.rows(4, 0).size() == 0);
  CHECK(x.rows(0, 4).extents() == x.extents());
}

TEST_CASE("columns are a window on the last axis, with the row stride kept") {
  auto memory = counting<12>();
  view<float, 2> const x(memory.data(), shape{3, 4});
  view<float, 2> const right = x.columns(2, 2);
  CHECK(right.extents() == shape{3, 2});
  CHECK(right.strides() == shape{4, 1});
  CHECK(right(0, 0) == 2.0f);
  CHECK(right(2, 1) == 11.0f);
  CHECK_FALSE(right.is_contiguous());
  CHECK(x.columns(0, 4).is_contiguous());
  CHECK(right.rows(1, 1).is_contiguous());  // one row has no gap
}

TEST_CASE("windows outside the view are refused with the caller's line") {
  auto memory = counting<12>();
  view<float, 2> const x(memory.data(), shape{4, 3});
  unsigned const line = __LINE__ + 1;
  CHECK(testing::thrown<scale::argument_error>([&] { (void)x.rows(3, 2); }) ==
        "[tensor_view::rows] range: expected within [0, 4), got [3, 3 + 2) (" + testing::here(__FILE__, line) + ")");
  CHECK_THROWS_AS((void)x.rows(-1, 1), scale::argument_error);
  CHECK_THROWS_AS((void)x.rows(0, -1), scale::argument_error);
  CHECK_THROWS_AS((void)x.rows(5, 0), scale::argument_error);
  CHECK_THROWS_AS((void)x.columns(2, 2), scale::argument_error);
  CHECK_THROWS_AS((void)x.columns(-1, 1), scale::argument_error);
  std::int64_t const largest = std::numeric_limits<std::int64_t>::max();
  CHECK_THROWS_AS((void)x.rows(1, largest), scale::argument_error);
}

TEST_CASE("reshape keeps elements and order") {
  auto memory = counting<24>();
  view<float, 3> const x(memory.data(), shape{2, 3, 4});
  view<float, 2> const flat = x.reshape(shape{6, 4});
  CHECK(flat(5, 3) == 23.0f);
  CHECK(flat(2, 1) == x(0, 2, 1));
  CHECK(x.reshape(shape{24})(17) == 17.0f);
}

TEST_CASE("reshape refuses another size and gaps") {
  auto memory = counting<24>();
  view<float, 2> const x(memory.data(), shape{4, 6});
  CHECK(testing::contains(testing::thrown<scale::argument_error>([&] {
                            (void)x.reshape(shape{5, 5});
                          }),
                          "[tensor_view::reshape] shape: expected [4, 6], got [5, 5] ("));
  CHECK(testing::contains(testing::thrown<scale::argument_error>([&] { (void)x.columns(0, 3).reshape(shape{12}); }),
                          "[tensor_view::reshape] the view is not contiguous ("));
}

TEST_CASE("an axis of extent one may have any stride") {
  auto memory = counting<4>();
  CHECK(view<float, 2>(memory.data(), shape{1, 4}, shape{999, 1}).is_contiguous());
  CHECK_FALSE(view<float, 2>(memory.data(), shape{2, 2}, shape{1, 2}).is_contiguous());
}

TEST_CASE("conversion to constant elements keeps data, extents and strides") {
  auto memory = counting<12>();
  view<float, 2> const x = view<float, 2>(memory.data(), shape{3, 4}).columns(1, 2);
  view<float const, 2> const c = x;
  CHECK(c.data_handle() == x.data_handle());
  CHECK(c.extents() == x.extents());
  CHECK(c.strides() == x.strides());
}

TEST_CASE("expect_extent names operator, argument, both numbers, the whole shape and the place") {
  auto memory = counting<6>();
  view<float, 2> const gamma(memory.data(), shape{2, 3});
  scale::location const at{"caller.cpp", 7};
  CHECK_NOTHROW(scale::expect_extent("op", "gamma", gamma, 1, 3, "x.extent(1)", at));
  CHECK(testing::thrown<scale::argument_error>([&] {
          scale::expect_extent("op", "gamma", gamma, 1, 4, "x.extent(1)", at);
        }) == "[op] gamma.extent(1) must equal x.extent(1), shape [2, 3]: expected 4, got 3 (caller.cpp:7)");
}

TEST_CASE("expect_shape refuses other shapes and missing data, and accepts emptiness") {
  auto memory = counting<6>();
  scale::location const at{"caller.cpp", 7};
  view<float, 2> const x(memory.data(), shape{2, 3});
  CHECK_NOTHROW(scale::expect_shape("op", "x", x, shape{2, 3}, at));
  CHECK(testing::thrown<scale::argument_error>([&] {
          scale::expect_shape("op", "x", x, shape{3, 2}, at);
        }) == "[op] x shape: expected [3, 2], got [2, 3] (caller.cpp:7)");
  view<float, 2> const hollow(nullptr, shape{2, 3});
  CHECK(testing::thrown<scale::argument_error>([&] {
          scale::expect_shape("op", "x", hollow, shape{2, 3}, at);
        }) == "[op] x: expected a tensor of shape [2, 3], got a view without data (caller.cpp:7)");
  CHECK_NOTHROW(scale::expect_shape("op", "x", view<float, 2>(nullptr, shape{0, 3}), shape{0, 3}, at));
  CHECK_NOTHROW(scale::expect_shape_if_given("op", "x", view<float, 2>{}, shape{2, 3}, at));
  CHECK_THROWS_AS(scale::expect_shape_if_given("op", "x", x, shape{3, 2}, at), scale::argument_error);
}

TEST_CASE("expect_contiguous and expect_row_contiguous tell gaps between rows from gaps within") {
  auto memory = counting<12>();
  scale::location const at{"caller.cpp", 7};
  view<float, 2> const x(memory.data(), shape{3, 4});
  view<float, 2> const part = x.columns(0, 2);
  CHECK_NOTHROW(scale::expect_contiguous("op", "x", x, at));
  CHECK(testing::thrown<scale::argument_error>([&] { scale::expect_contiguous("op", "x", part, at); }) ==
        "[op] x layout: expected contiguous rows, got strides [4, 1] for shape [3, 2] (caller.cpp:7)");
  CHECK_NOTHROW(scale::expect_row_contiguous("op", "x", part, at));
  view<float, 2> const transposed(memory.data(), shape{4, 3}, shape{1, 4});
  CHECK_THROWS_AS(scale::expect_row_contiguous("op", "x", transposed, at), scale::argument_error);
  view<float, 2> const overlapping(memory.data(), shape{3, 4}, shape{2, 1});
  CHECK_THROWS_AS(scale::expect_row_contiguous("op", "x", overlapping, at), scale::argument_error);
}
