// SPDX-License-Identifier: Apache-2.0
#include <scale/core/random.hpp>

#include <doctest/doctest.h>

TEST_CASE("Philox 4x32-10 gives the published numbers of an all-zero counter and key") {
  scale::random_block const out = scale::philox4x32({{0, 0, 0, 0}}, 0, 0);
  CHECK(out.word[0] == 0x6627e8d5u);
}
