// SPDX-License-Identifier: Apache-2.0
#pragma once
// Element types: float, double, and the 16-bit storage types bf16 and f16 with exact conversions.

#include <scale/core/config.hpp>

#include <concepts>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace scale {

namespace detail {

/// std::bit_cast, which nvcc refuses in device code.
template <class To, class From>
SCALE_HD constexpr To bit_cast(From const& from) noexcept {
  return __builtin_bit_cast(To, from);
}

SCALE_HD constexpr std::uint16_t float_to_bf16_bits(float value) noexcept {
  std::uint32_t const bits = bit_cast<std::uint32_t>(value);
  std::uint32_t const rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16, quiet_nan = (bits >> 16) | 0x40u;
  return static_cast<std::uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quiet_nan : rounded);
}

SCALE_HD constexpr float bf16_bits_to_float(std::uint16_t bits) noexcept {
  return bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

SCALE_HD constexpr std::uint16_t float_to_f16_bits(float value) noexcept {
  std::uint32_t const bits = bit_cast<std::uint32_t>(value);
  std::uint32_t const sign = (bits >> 16) & 0x8000u;
  std::uint32_t const magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<std::uint16_t>(sign | 0x7e00u);   // NaN
  if (magnitude >= 0x477ff000u) return static_cast<std::uint16_t>(sign | 0x7c00u);  // rounds to infinity
  if (magnitude < 0x38800000u) {                                                    // subnormal or zero
    if (magnitude < 0x33000000u) return static_cast<std::uint16_t>(sign);
    std::uint32_t const shift = 126u - (magnitude >> 23);
    std::uint32_t const mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    std::uint32_t const rounded = (mantissa + ((1u << (shift - 1u)) - 1u) + ((mantissa >> shift) & 1u)) >> shift;
    return static_cast<std::uint16_t>(sign | rounded);
  }
  std::uint32_t const rounded = magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<std::uint16_t>(sign | (rounded >> 13));
}

SCALE_HD constexpr float f16_bits_to_float(std::uint16_t half) noexcept {
  std::uint32_t const sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  std::uint32_t const exponent = (half >> 10) & 0x1fu;
  std::uint32_t const mantissa = half & 0x3ffu;
  if (exponent == 31u) return bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent != 0u) return bit_cast<float>(sign | ((exponent + 112u) << 23) | (mantissa << 13));
  float const value = static_cast<float>(mantissa) * 0x1p-24f;
  return sign != 0u ? -value : value;
}

}  // namespace detail

/// bfloat16: storage only, arithmetic is done in float. Conversion from float rounds to nearest even.
struct bf16 {
  std::uint16_t bits;

  bf16() = default;
  SCALE_HD constexpr explicit bf16(float value) noexcept : bits(detail::float_to_bf16_bits(value)) {}
  SCALE_HD constexpr operator float() const noexcept { return detail::bf16_bits_to_float(bits); }
};

/// IEEE binary16: storage only. Conversion from float rounds to nearest even; what is too large becomes infinity.
struct f16 {
  std::uint16_t bits;

  f16() = default;
  SCALE_HD constexpr explicit f16(float value) noexcept : bits(detail::float_to_f16_bits(value)) {}
  SCALE_HD constexpr operator float() const noexcept { return detail::f16_bits_to_float(bits); }
};

/// Types that tensors of activations and parameters hold.
template <class T>
concept floating = std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, bf16>;

/// Types that any tensor may hold.
template <class T>
concept element = floating<T> || std::same_as<T, f16> || std::same_as<T, std::uint8_t> ||
    std::same_as<T, std::int32_t> || std::same_as<T, std::int64_t>;

/// Statistics and losses of a computation in T: double for double, else float.
template <class T>
using stat_t = std::conditional_t<std::same_as<T, double>, double, float>;

/// Gradients of parameters of a computation in T: double for double, else float.
template <class T>
using acc_t = stat_t<T>;

enum class dtype : std::uint8_t { f32, f64, bf16, f16, u8, i32, i64 };

template <element T>
inline constexpr dtype dtype_of = std::same_as<T, float>          ? dtype::f32
                                  : std::same_as<T, double>       ? dtype::f64
                                  : std::same_as<T, bf16>         ? dtype::bf16
                                  : std::same_as<T, f16>          ? dtype::f16
                                  : std::same_as<T, std::uint8_t> ? dtype::u8
                                  : std::same_as<T, std::int32_t> ? dtype::i32
                                                                  : dtype::i64;

constexpr std::size_t size_of(dtype type) noexcept {
  switch (type) {
    case dtype::f64:
    case dtype::i64: return 8;
    case dtype::f32:
    case dtype::i32: return 4;
    case dtype::bf16:
    case dtype::f16: return 2;
    case dtype::u8: return 1;
  }
  return 0;
}

constexpr std::string_view name_of(dtype type) noexcept {
  switch (type) {
    case dtype::f32: return "f32";
    case dtype::f64: return "f64";
    case dtype::bf16: return "bf16";
    case dtype::f16: return "f16";
    case dtype::u8: return "u8";
    case dtype::i32: return "i32";
    case dtype::i64: return "i64";
  }
  return "unknown";
}

}  // namespace scale
