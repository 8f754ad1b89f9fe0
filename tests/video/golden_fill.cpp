// SPDX-License-Identifier: Apache-2.0
#include "support/golden_fill.hpp"

#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace {

using shape = std::vector<std::int64_t>;

std::uint32_t float_bits(double value) { return std::bit_cast<std::uint32_t>(static_cast<float>(value)); }

}  // namespace

TEST_CASE("golden fill: hash, key and bits") {
  CHECK(golden::fnv1a("x") == 0xaf63f54c86021707u);
  CHECK(golden::fill_key("x", 1) == 0x31548cf5f9486b12u);
  std::uint64_t const key = golden::fill_key("x", 1);
  CHECK(golden::fill_bits(key, 1) == 10016731u);
  CHECK(golden::fill_bits(key, 2) == 5668283u);
  CHECK(golden::fill_bits(key, 3) == 6307790u);
}

TEST_CASE("golden fill: inputs in fp32, fp16 and uint8") {
  auto const x = golden::fill("x", shape{3}, 0, std::sqrt(3.0), 1);
  CHECK(float_bits(x[0]) == 0x3eac1e5fu);
  CHECK(float_bits(x[1]) == 0xbf0fca7au);
  CHECK(float_bits(x[2]) == 0xbedbf9cau);

  auto const store = golden::fill("store_x", shape{4}, 0, std::sqrt(3.0), 1, "", "F16");
  // Values of the fp16 bit patterns 48848, 15143, 15965, 47387.
  std::array<double, 4> const expected{-1.703125, 0.89404296875, 1.5908203125, -0.63818359375};
  for (std::size_t i = 0; i < 4; ++i) CHECK(store[i] == expected[i]);

  auto const frames = golden::fill("frames", shape{4}, 128, 128, 1, "uint8");
  CHECK(frames == std::vector<double>{168, 75, 38, 153});
}

TEST_CASE("golden fill: parameters") {
  auto const weight = golden::fill_parameter("input_projection.weight", shape{64, 23}, 1);
  CHECK(float_bits(weight[0]) == 0x3e26c55fu);
  CHECK(float_bits(weight[1]) == 0x3e6d6eb7u);
  CHECK(float_bits(weight.back()) == 0xbea0c109u);
  CHECK(float_bits(golden::fill_parameter("norm.weight", shape{64}, 1)[0]) == 0x3f781d53u);
  CHECK(float_bits(golden::fill_parameter("norm.bias", shape{64}, 1)[0]) == 0x3db048beu);
  CHECK(float_bits(golden::fill_parameter("set_cls_token", shape{1, 1, 64}, 1)[0]) == 0xbecde5fcu);
}
