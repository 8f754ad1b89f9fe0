// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/nn/token_selection.hpp>

#include <support/compare.hpp>

#include <cstdint>
#include <vector>

namespace {

using list = std::vector<std::int32_t>;

TEST_CASE("a selection names the rows of two sets of three clips") {
  scale::token_selection s;
  s.select(2, 3, {}, {}, scale::token_outputs::all);
  CHECK(s.source == list{0, 1, 2, 3, 4, 5});
  CHECK(s.all_projected());
  CHECK(s.all_placed());
  CHECK(s.all_wanted());
  CHECK(s.summary_rows == list{0, 4});
  CHECK(s.clip_rows == list{1, 2, 3, 5, 6, 7});
  CHECK(s.clip_numbers == list{0, 1, 2, 3, 4, 5});

  std::vector<std::uint8_t> const mask = {0, 1, 0, 1, 255, 0};
  s.select(2, 3, mask, {}, scale::token_outputs::masked);
  CHECK(s.source == list{0, -1, 1, -1, -1, 2});
  CHECK(s.projected == list{0, 2, 5});
  CHECK(s.wanted == list{0, 2, 4, 5, 6});
  CHECK(s.summary_rows == list{0, 2});
  CHECK(s.clip_rows == list{1, 3, 4});
  CHECK(s.clip_numbers == list{1, 3, 4});

  list const lengths = {1, 2};
  s.select(2, 3, {}, lengths, scale::token_outputs::all);
  CHECK(s.placed == list{0, 3, 4});
  CHECK(s.padded() == 3);
  CHECK(s.source == list{0, 3, 4, 1, 2, 5});
  CHECK(s.wanted == list{0, 1, 4, 5, 6});

  s.select(2, 3, mask, lengths, scale::token_outputs::summaries_only);
  CHECK(s.source == list{0, 1, 2, -1, -1, 3});
  CHECK(s.wanted == list{0, 4});
  CHECK(s.clip_rows.empty());

  s.select(0, 3, {}, {}, scale::token_outputs::all);
  CHECK(s.wanted.empty());
  CHECK(s.all_wanted());
}

TEST_CASE("a selection allocates nothing up to what was reserved") {
  scale::token_selection s;
  s.reserve(4, 5);
  std::int32_t const* const before[] = {s.source.data(),      s.projected.data(), s.placed.data(),
                                        s.wanted.data(),      s.clip_rows.data(), s.clip_numbers.data(),
                                        s.summary_rows.data()};
  std::vector<std::uint8_t> const mask(20, 1);
  s.select(4, 5, mask, {}, scale::token_outputs::masked);
  s.select(4, 5, {}, {}, scale::token_outputs::all);
  std::int32_t const* const after[] = {s.source.data(),    s.projected.data(),    s.placed.data(),      s.wanted.data(),
                                       s.clip_rows.data(), s.clip_numbers.data(), s.summary_rows.data()};
  for (std::size_t i = 0; i < std::size(before); ++i) CHECK(before[i] == after[i]);
}

TEST_CASE("a selection refuses sets that cannot be") {
  scale::token_selection s;
  std::vector<std::uint8_t> const mask(5);
  list const lengths = {1, 4};
  auto const select = [&](scale::index_t sets, scale::index_t clips, bool masked, bool padded) {
    s.select(sets, clips, masked ? std::span<std::uint8_t const>(mask) : std::span<std::uint8_t const>{},
             padded ? std::span<std::int32_t const>(lengths) : std::span<std::int32_t const>{},
             scale::token_outputs::all);
  };
  CHECK_THROWS_AS(select(2, 0, false, false), scale::argument_error);
  CHECK_THROWS_AS(select(2, scale::index_t{1} << 30, false, false), scale::argument_error);
  CHECK_THROWS_AS(select(2, 3, true, false), scale::argument_error);
  CHECK_THROWS_AS(select(2, 3, false, true), scale::argument_error);
  CHECK_THROWS_AS(select(3, 4, false, true), scale::argument_error);
}

}  // namespace
