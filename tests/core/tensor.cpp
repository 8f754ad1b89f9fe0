// SPDX-License-Identifier: Apache-2.0
#include <scale/core/tensor.hpp>
#include <scale/ref/context.hpp>

#include <doctest/doctest.h>
#include <support/thrown.hpp>

#include <cstdint>
#include <type_traits>
#include <utility>

namespace {

using context = scale::ref::context;
using matrix = scale::tensor<float, 2, context>;
using scale::shape;

}  // namespace

static_assert(!std::is_copy_constructible_v<matrix> && !std::is_copy_assignable_v<matrix>);
static_assert(std::is_nothrow_move_constructible_v<matrix>);
static_assert(std::is_convertible_v<matrix&, scale::tensor_view<float, 2, context>>);
static_assert(std::is_convertible_v<matrix const&, scale::tensor_view<float const, 2, context>>);
static_assert(!std::is_convertible_v<matrix const&, scale::tensor_view<float, 2, context>>);
static_assert(scale::readable_by<matrix, context> && scale::readable_by<matrix::view_type const&, context>);
static_assert(!scale::readable_by<int, context>);
static_assert(std::is_same_v<scale::element_t<matrix::const_view_type>, float> && scale::rank_of<matrix&> == 2);

TEST_CASE("a tensor owns aligned memory that its views reach") {
  matrix x(context{}, shape{3, 5});
  CHECK(reinterpret_cast<std::uintptr_t>(x.data_handle()) % 64 == 0);
  CHECK(x.size() == 15);
  CHECK(x.extent(1) == 5);
  x.view()(2, 4) = 8.0f;
  CHECK(std::as_const(x).view()(2, 4) == 8.0f);
  CHECK(std::as_const(x).data_handle()[14] == 8.0f);
}

TEST_CASE("moving takes the memory along and leaves no data behind") {
  matrix from(context{}, shape{3, 5});
  float const* const data = from.data_handle();
  matrix const to = std::move(from);
  CHECK(to.data_handle() == data);
  CHECK(from.data_handle() == nullptr);
  CHECK(from.size() == 0);
}

TEST_CASE("a tensor without elements has a shape and no memory") {
  matrix const empty(context{}, shape{0, 5});
  CHECK(empty.size() == 0);
  CHECK(empty.extents() == shape{0, 5});
  CHECK(empty.data_handle() == nullptr);
}

TEST_CASE("an impossible shape is refused with the caller's line") {
  unsigned const line = __LINE__ + 1;
  CHECK(testing::thrown<scale::argument_error>([] {
          matrix const x(context{}, shape{2, -3});
        }) == "[tensor] negative extent in shape [2, -3] (" + testing::here(__FILE__, line) + ")");
}

TEST_CASE("more memory than there is, is a resource_error that says how much") {
#if defined(__SANITIZE_ADDRESS__)
  // the sanitizer's allocator ends the process instead
#else
  std::int64_t const side = std::int64_t{1} << 30;
  CHECK(testing::contains(testing::thrown<scale::resource_error>([&] {
                            matrix const x(context{}, shape{side, side});
                          }),
                          "4611686018427387904 bytes"));
#endif
}
