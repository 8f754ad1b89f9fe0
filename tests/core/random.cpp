// SPDX-License-Identifier: Apache-2.0
#include <scale/core/random.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <set>

namespace {

using words = std::array<std::uint32_t, 4>;
__extension__ using uint128 = unsigned __int128;

words philox(words counter, std::uint32_t key0, std::uint32_t key1) {
  scale::random_block const out = scale::philox4x32({{counter[0], counter[1], counter[2], counter[3]}}, key0, key1);
  return {out.word[0], out.word[1], out.word[2], out.word[3]};
}

}  // namespace

TEST_CASE("Philox 4x32-10 gives the known answers published with Random123") {
  CHECK(philox({0, 0, 0, 0}, 0, 0) == words{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u});
  constexpr std::uint32_t ones = 0xffffffffu;
  CHECK(philox({ones, ones, ones, ones}, ones, ones) == words{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu});
  CHECK(philox({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, 0xa4093822u, 0x299f31d0u) ==
        words{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u});
}

TEST_CASE("Philox is usable in constant expressions") {
  static_assert(scale::philox4x32({{0, 0, 0, 0}}, 0, 0).word[0] == 0x6627e8d5u);
}

TEST_CASE("a stream puts (seed, step, purpose, index) into key and counter as the checkpoint format says") {
  std::uint64_t const seed = 0x0123456789abcdefu, block = 0x1122334455667788u;
  scale::random_key const key = scale::make_key(seed, 42, scale::purpose::dropout, 3);
  CHECK(key.stream == 0x10003u);
  scale::random_block const out = scale::random_words(key, block);
  words const expected = philox({0x55667788u, 0x11223344u, 42u, 0x10003u}, 0x89abcdefu, 0x01234567u);
  CHECK(words{out.word[0], out.word[1], out.word[2], out.word[3]} == expected);
}

TEST_CASE("numbers of a stream are the words of its blocks in order") {
  scale::random_key const key = scale::make_key(7, 1, scale::purpose::clip_mask);
  for (std::uint64_t index = 0; index < 32; ++index)
    CHECK(scale::random_bits(key, index) == scale::random_words(key, index / 4).word[index % 4]);
}

TEST_CASE("seed, step, purpose, place and index each select other numbers") {
  std::set<std::uint32_t> seen;
  seen.insert(scale::random_bits(scale::make_key(1, 1, scale::purpose::dropout, 0), 0));
  seen.insert(scale::random_bits(scale::make_key(2, 1, scale::purpose::dropout, 0), 0));
  seen.insert(scale::random_bits(scale::make_key(std::uint64_t{1} << 32, 1, scale::purpose::dropout, 0), 0));
  seen.insert(scale::random_bits(scale::make_key(1, 2, scale::purpose::dropout, 0), 0));
  seen.insert(scale::random_bits(scale::make_key(1, 1, scale::purpose::dropout, 1), 0));
  seen.insert(scale::random_bits(scale::make_key(1, 1, scale::purpose::initialise), 0));
  seen.insert(scale::random_bits(scale::make_key(1, 1, scale::purpose::dropout, 0), 4));
  CHECK(seen.size() == 7);
}

TEST_CASE("to_unit_float keeps the high 24 bits and stays below one") {
  CHECK(scale::to_unit_float(0) == 0.0f);
  CHECK(scale::to_unit_float(0xffu) == 0.0f);
  CHECK(scale::to_unit_float(0x100u) == 0x1p-24f);
  CHECK(scale::to_unit_float(0x80000000u) == 0.5f);
  CHECK(scale::to_unit_float(0xffffffffu) == 1.0f - 0x1p-24f);
}

TEST_CASE("random_unit joins two words to 53 bits") {
  scale::random_key const key = scale::make_key(3, 0, scale::purpose::probe);
  for (std::uint64_t index = 0; index < 8; ++index) {
    std::uint64_t const high = scale::random_bits(key, 2 * index), low = scale::random_bits(key, 2 * index + 1);
    double const expected = std::ldexp(static_cast<double>((high << 21) | (low >> 11)), -53);
    CHECK(scale::random_unit(key, index) == expected);
  }
}

TEST_CASE("random_unit is uniform: mean and variance of 100,000 numbers within five standard errors") {
  scale::random_key const key = scale::make_key(11, 0, scale::purpose::demo);
  int const n = 100000;
  double sum = 0, squares = 0;
  for (int i = 0; i < n; ++i) {
    double const u = scale::random_unit(key, static_cast<std::uint64_t>(i));
    REQUIRE(u >= 0.0);
    REQUIRE(u < 1.0);
    sum += u;
    squares += (u - 0.5) * (u - 0.5);
  }
  CHECK(std::abs(sum / n - 0.5) < 5 * std::sqrt(1.0 / 12 / n));
  // the square about 1/2 has mean 1/12 and variance 1/180
  CHECK(std::abs(squares / n - 1.0 / 12) < 5 * std::sqrt(1.0 / 180 / n));
}

TEST_CASE("random_below is floor(u64 * bound / 2^64) of two words") {
  scale::random_key const key = scale::make_key(5, 9, scale::purpose::split);
  std::uint64_t const largest = std::uint64_t{1} << 32;
  for (std::uint64_t bound : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{7}, std::uint64_t{1000003}, largest})
    for (std::uint64_t index = 0; index < 64; ++index) {
      std::uint64_t const high = scale::random_bits(key, 2 * index), low = scale::random_bits(key, 2 * index + 1);
      auto const expected = static_cast<std::uint64_t>((((uint128{high} << 32) | low) * bound) >> 64);
      std::uint64_t const got = scale::random_below(key, index, bound);
      CHECK(got == expected);
      CHECK(got < bound);
    }
}

TEST_CASE("random_below reaches every value about equally often") {
  scale::random_key const key = scale::make_key(6, 0, scale::purpose::batch_order);
  std::array<int, 6> counts{};
  int const n = 60000;
  for (int i = 0; i < n; ++i) ++counts[scale::random_below(key, static_cast<std::uint64_t>(i), 6)];
  double chi2 = 0;
  for (int count : counts) chi2 += (count - n / 6.0) * (count - n / 6.0) / (n / 6.0);
  CHECK(chi2 < 20.52);  // 0.1 % point of chi-squared with 5 degrees of freedom; the seed is fixed
}

TEST_CASE("dropout_keeps keeps all at p = 0, none at p = 1, and where u >= p between") {
  scale::random_key const key = scale::make_key(8, 3, scale::purpose::dropout, 2);
  int kept = 0;
  for (std::uint64_t index = 0; index < 10000; ++index) {
    CHECK(scale::dropout_keeps(key, index, 0.0));
    CHECK_FALSE(scale::dropout_keeps(key, index, 1.0));
    bool const keeps = scale::dropout_keeps(key, index, 0.1);
    CHECK(keeps == (static_cast<double>(scale::to_unit_float(scale::random_bits(key, index))) >= 0.1));
    kept += keeps ? 1 : 0;
  }
  CHECK(std::abs(kept - 9000) < 5 * 30);  // standard deviation sqrt(10000 * 0.1 * 0.9) = 30
}
