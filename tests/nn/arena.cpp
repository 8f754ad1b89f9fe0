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

TEST_CASE("an arena records who took what, and from when to when") {
  scale::arena<test_backend> counting;
  scale::arena_log log;
  counting.take<float>(scale::shape{1});
  counting.record(&log);
  auto const line = scale::location::current().line + 1;
  counting.take<float>(scale::shape{3, 5});
  {
    scale::arena_scope const scope(counting);
    counting.take<double>(scale::shape{100});
  }
  counting.take<std::int32_t>(scale::shape{0});
  counting.record(nullptr);
  counting.take<float>(scale::shape{1});
  REQUIRE(log.records.size() == 3);
  auto const& [kept, passing, empty] = std::tie(log.records[0], log.records[1], log.records[2]);
  CHECK(kept.at.line == line);
  CHECK(kept.shape == "[3, 5]");
  CHECK(std::tuple(kept.begin, kept.bytes, kept.taken, kept.released) == std::tuple(64u, 64u, 1u, 0u));
  CHECK(passing.type == scale::dtype::f64);
  CHECK(std::tuple(passing.begin, passing.bytes, passing.taken, passing.released) == std::tuple(128u, 832u, 2u, 3u));
  CHECK(std::tuple(empty.begin, empty.bytes, empty.taken, empty.released) == std::tuple(128u, 64u, 4u, 0u));
}

}  // namespace
