// SPDX-License-Identifier: Apache-2.0
#include <scale/core/dtype.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace {

// Bits of a 16-bit float with the given field widths, by the definition of the format: the oracle.
double value_of(std::uint32_t bits, int exponent_bits, int mantissa_bits) {
  std::uint32_t const exponent = (bits >> mantissa_bits) & ((1u << exponent_bits) - 1u);
  std::uint32_t const mantissa = bits & ((1u << mantissa_bits) - 1u);
  int const bias = (1 << (exponent_bits - 1)) - 1;
  double const sign = (bits >> 15) != 0 ? -1.0 : 1.0;
  if (exponent == (1u << exponent_bits) - 1u)
    return mantissa != 0 ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
  double const fraction = std::ldexp(static_cast<double>(mantissa), -mantissa_bits);
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias);
  return sign * std::ldexp(1.0 + fraction, static_cast<int>(exponent) - bias);
}

struct f16_format {
  using type = scale::f16;
  static constexpr int exponent_bits = 5, mantissa_bits = 10;
};

struct bf16_format {
  using type = scale::bf16;
  static constexpr int exponent_bits = 8, mantissa_bits = 7;
};

template <class Format>
typename Format::type from_bits(std::uint32_t bits) {
  typename Format::type value;
  value.bits = static_cast<std::uint16_t>(bits);
  return value;
}

template <class Format>
std::uint32_t rounded(float value) {
  return typename Format::type(value).bits;
}

}  // namespace

TEST_CASE_TEMPLATE("all 65536 patterns convert to float exactly and back to themselves", Format, f16_format,
                   bf16_format) {
  int wrong = 0;
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    float const value = from_bits<Format>(bits);
    double const expected = value_of(bits, Format::exponent_bits, Format::mantissa_bits);
    if (std::isnan(expected)) {
      std::uint32_t const back = rounded<Format>(value);
      bool const nan_of_same_sign =
          std::isnan(value) && std::isnan(float(from_bits<Format>(back))) && (back & 0x8000u) == (bits & 0x8000u);
      wrong += nan_of_same_sign ? 0 : 1;
    } else {
      bool const same = static_cast<double>(value) == expected && std::signbit(value) == std::signbit(expected);
      wrong += same && rounded<Format>(value) == bits ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE_TEMPLATE("between neighbours rounding is to the nearer, and to the even one from the middle", Format,
                   f16_format, bf16_format) {
  std::uint32_t const infinity = ((1u << Format::exponent_bits) - 1u) << Format::mantissa_bits;
  int wrong = 0;
  for (std::uint32_t sign : {0u, 0x8000u})
    for (std::uint32_t low = 0; low + 1 < infinity; ++low) {  // low and low + 1 are finite neighbours
      double const a = value_of(low, Format::exponent_bits, Format::mantissa_bits);
      double const b = value_of(low + 1, Format::exponent_bits, Format::mantissa_bits);
      float const middle = static_cast<float>(a + (b - a) / 2);  // exact: float has more bits than either format
      float const s = sign != 0 ? -1.0f : 1.0f;
      std::uint32_t const even = low + (low & 1u);
      float const below = std::nextafter(middle, 0.0f),
                  above = std::nextafter(middle, std::numeric_limits<float>::infinity());
      if (rounded<Format>(s * middle) != (even | sign)) ++wrong;
      if (rounded<Format>(s * below) != (low | sign)) ++wrong;
      if (rounded<Format>(s * above) != ((low + 1) | sign)) ++wrong;
    }
  CHECK(wrong == 0);
}

TEST_CASE("f16: what is too large becomes infinity, from the middle on") {
  CHECK(rounded<f16_format>(65504.0f) == 0x7bffu);
  CHECK(rounded<f16_format>(std::nextafter(65520.0f, 0.0f)) == 0x7bffu);
  CHECK(rounded<f16_format>(65520.0f) == 0x7c00u);
  CHECK(rounded<f16_format>(-65520.0f) == 0xfc00u);
  CHECK(rounded<f16_format>(std::numeric_limits<float>::max()) == 0x7c00u);
}

TEST_CASE("f16: half of the smallest subnormal is a tie and goes to zero, with its sign") {
  CHECK(rounded<f16_format>(0x1p-25f) == 0x0000u);
  CHECK(rounded<f16_format>(-0x1p-25f) == 0x8000u);
  CHECK(rounded<f16_format>(std::nextafter(0x1p-25f, 1.0f)) == 0x0001u);
  CHECK(rounded<f16_format>(0x1p-149f) == 0x0000u);
}

TEST_CASE("bf16: the largest float rounds to infinity, the smallest to zero") {
  CHECK(rounded<bf16_format>(std::numeric_limits<float>::max()) == 0x7f80u);
  CHECK(rounded<bf16_format>(-std::numeric_limits<float>::max()) == 0xff80u);
  CHECK(rounded<bf16_format>(0x1p-149f) == 0x0000u);
}

TEST_CASE_TEMPLATE("a NaN whose payload lies in the lost bits stays a NaN", Format, f16_format, bf16_format) {
  float const nan = std::bit_cast<float>(0x7f800001u);
  CHECK(std::isnan(float(typename Format::type(nan))));
  CHECK(std::isnan(float(typename Format::type(-nan))));
}

TEST_CASE("sizes, names and types of elements agree") {
  static_assert(scale::dtype_of<float> == scale::dtype::f32 && scale::size_of(scale::dtype::f32) == sizeof(float));
  static_assert(scale::dtype_of<double> == scale::dtype::f64 && scale::size_of(scale::dtype::f64) == sizeof(double));
  static_assert(scale::dtype_of<scale::bf16> == scale::dtype::bf16 && sizeof(scale::bf16) == 2);
  static_assert(scale::dtype_of<scale::f16> == scale::dtype::f16 && sizeof(scale::f16) == 2);
  static_assert(scale::dtype_of<std::uint8_t> == scale::dtype::u8 && scale::size_of(scale::dtype::u8) == 1);
  static_assert(scale::dtype_of<std::int32_t> == scale::dtype::i32 && scale::size_of(scale::dtype::i32) == 4);
  static_assert(scale::dtype_of<std::int64_t> == scale::dtype::i64 && scale::size_of(scale::dtype::i64) == 8);
  CHECK(scale::name_of(scale::dtype::f32) == "f32");
  CHECK(scale::name_of(scale::dtype::f64) == "f64");
  CHECK(scale::name_of(scale::dtype::bf16) == "bf16");
  CHECK(scale::name_of(scale::dtype::f16) == "f16");
  CHECK(scale::name_of(scale::dtype::u8) == "u8");
  CHECK(scale::name_of(scale::dtype::i32) == "i32");
  CHECK(scale::name_of(scale::dtype::i64) == "i64");
}

TEST_CASE("statistics and gradients are kept in double for double, else in float") {
  static_assert(std::is_same_v<scale::stat_t<double>, double> && std::is_same_v<scale::acc_t<double>, double>);
  static_assert(std::is_same_v<scale::stat_t<float>, float> && std::is_same_v<scale::acc_t<scale::bf16>, float>);
}
