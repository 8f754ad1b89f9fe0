// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/nn/arena.hpp>

#include <support/compare.hpp>

#include <cstdint>
#include <tuple>

namespace {

using testing::test_backend;

std::size_t use(scale::arena<test_backend>& a) {
  auto const kept = a.take<float>(scale::shape{3, 5});
  {
    scale::arena_scope const scope(a);
    a.take<double>(scale::shape{100});
  }
  auto const next = a.take<std::int32_t>(scale::shape{0});
  a.take<float>(scale::shape{1});
  if (kept.has_data()) {
    CHECK(reinterpret_cast<std::uintptr_t>(next.data_handle()) % 64 == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(next.data_handle()) - reinterpret_cast<std::uintptr_t>(kept.data_handle()) ==
          64);
    CHECK(next.extent(0) == 0);
  }
  return a.peak();
}

TEST_CASE("an arena counts what it must hold, and holds exactly that") {
  test_backend const b = testing::make_backend();
  scale::arena<test_backend> counting;
  std::size_t const peak = use(counting);
  CHECK(peak == 64 + 832);
  scale::arena<test_backend> enough(b, peak), short_of(b, peak - 64);
  CHECK(use(enough) == peak);
  testing::check_argument_error([&] { use(short_of); }, {"arena", std::to_string(peak), std::to_string(peak - 64)});
  enough.release(0);
  CHECK(enough.mark() == 0);
}

}  // namespace
