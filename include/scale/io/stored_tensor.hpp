// SPDX-License-Identifier: Apache-2.0
#pragma once
// A tensor as a file holds it: name, type, shape and bytes; and its conversion to numbers to compute with.

#include <scale/core/dtype.hpp>
#include <scale/core/error.hpp>
#include <scale/core/shape.hpp>

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scale {

static_assert(std::endian::native == std::endian::little, "scale/io: files are little-endian, and so must the host be");

/// Element types of files. More than tensors compute with: see dtype.
enum class stored_type : std::uint8_t {
  boolean,
  u8,
  i8,
  f8_e5m2,
  f8_e4m3,
  i16,
  u16,
  f16,
  bf16,
  i32,
  u32,
  f32,
  f64,
  i64,
  u64
};

namespace detail {

struct stored_type_row {
  stored_type type;
  std::string_view name;
  std::size_t size;
};

inline constexpr stored_type_row stored_types[] = {
    {stored_type::boolean, "BOOL", 1},    {stored_type::u8, "U8", 1},           {stored_type::i8, "I8", 1},
    {stored_type::f8_e5m2, "F8_E5M2", 1}, {stored_type::f8_e4m3, "F8_E4M3", 1}, {stored_type::i16, "I16", 2},
    {stored_type::u16, "U16", 2},         {stored_type::f16, "F16", 2},         {stored_type::bf16, "BF16", 2},
    {stored_type::i32, "I32", 4},         {stored_type::u32, "U32", 4},         {stored_type::f32, "F32", 4},
    {stored_type::f64, "F64", 8},         {stored_type::i64, "I64", 8},         {stored_type::u64, "U64", 8},
};

/// 8-bit float with 4 exponent bits, bias 7, no infinity; 0x7f is NaN.
constexpr float f8_e4m3_to_float(std::uint8_t bits) noexcept {
  std::uint32_t const sign = (bits & 0x80u) != 0 ? 0x80000000u : 0u;
  std::uint32_t const exponent = (bits >> 3) & 15u;
  std::uint32_t const mantissa = bits & 7u;
  if (exponent == 15u && mantissa == 7u) return std::bit_cast<float>(sign | 0x7fc00000u);
  if (exponent != 0u) return std::bit_cast<float>(sign | ((exponent + 120u) << 23) | (mantissa << 20));
  float const value = static_cast<float>(mantissa) * 0x1p-9f;
  return sign != 0u ? -value : value;
}

template <class T>
T load_unaligned(std::byte const* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

}  // namespace detail

/// The format's own word: "F32".
constexpr std::string_view name_of(stored_type type) noexcept {
  return detail::stored_types[static_cast<std::size_t>(type)].name;
}

constexpr std::size_t size_of(stored_type type) noexcept {
  return detail::stored_types[static_cast<std::size_t>(type)].size;
}

constexpr std::optional<stored_type> stored_type_of_name(std::string_view name) noexcept {
  for (auto const& row : detail::stored_types)
    if (row.name == name) return row.type;
  return std::nullopt;
}

/// The type whose bytes are those of T.
template <class T>
constexpr stored_type stored_type_of() noexcept {
  if constexpr (std::same_as<T, bool>)
    return stored_type::boolean;
  else if constexpr (std::same_as<T, std::uint8_t>)
    return stored_type::u8;
  else if constexpr (std::same_as<T, std::int8_t>)
    return stored_type::i8;
  else if constexpr (std::same_as<T, std::int16_t>)
    return stored_type::i16;
  else if constexpr (std::same_as<T, std::uint16_t>)
    return stored_type::u16;
  else if constexpr (std::same_as<T, f16>)
    return stored_type::f16;
  else if constexpr (std::same_as<T, bf16>)
    return stored_type::bf16;
  else if constexpr (std::same_as<T, std::int32_t>)
    return stored_type::i32;
  else if constexpr (std::same_as<T, std::uint32_t>)
    return stored_type::u32;
  else if constexpr (std::same_as<T, float>)
    return stored_type::f32;
  else if constexpr (std::same_as<T, double>)
    return stored_type::f64;
  else if constexpr (std::same_as<T, std::int64_t>)
    return stored_type::i64;
  else if constexpr (std::same_as<T, std::uint64_t>)
    return stored_type::u64;
  else
    static_assert(sizeof(T) == 0, "stored_type_of: no file format here holds this type");
}

/// Borrows its bytes: of an open file, or of the caller who is about to write. Row-major, little-endian, any rank
/// including 0, and at any alignment.
struct stored_tensor {
  std::string name;
  stored_type type = stored_type::f32;
  std::vector<index_t> shape;
  std::span<std::byte const> bytes;

  index_t size() const { return static_cast<index_t>(bytes.size() / size_of(type)); }
};

/// "[2, 3]"; "[]" for rank 0.
inline std::string shape_text(std::span<index_t const> extents) {
  std::string text = "[";
  for (std::size_t axis = 0; axis < extents.size(); ++axis)
    text += (axis != 0 ? ", " : "") + std::to_string(extents[axis]);
  return text + "]";
}

/// Bytes of a tensor, or nothing where an extent is negative or a product of extents (those behind a 0 as well)
/// overflows.
inline std::optional<std::uint64_t> stored_bytes(stored_type type, std::span<index_t const> extents) {
  constexpr std::uint64_t limit = static_cast<std::uint64_t>((std::numeric_limits<std::int64_t>::max)());
  std::uint64_t product = size_of(type);
  bool empty = false;
  for (index_t const extent : extents) {
    if (extent < 0) return std::nullopt;
    if (extent == 0) {
      empty = true;
      continue;
    }
    if (product > limit / static_cast<std::uint64_t>(extent)) return std::nullopt;
    product *= static_cast<std::uint64_t>(extent);
  }
  return empty ? 0 : product;
}

/// A tensor over the caller's own elements, to be written. Throws argument_error unless the shape holds
/// `values.size()`.
template <class T>
stored_tensor as_stored(std::string name, std::vector<index_t> extents, std::span<T const> values,
                        location at = location::current()) {
  std::optional<std::uint64_t> const expected = stored_bytes(stored_type_of<T>(), extents);
  if (!expected || *expected != values.size_bytes())
    throw_expected("as_stored", name + ", elements", "as many as shape " + shape_text(extents) + " has",
                   std::to_string(values.size()), at);
  return {std::move(name), stored_type_of<T>(), std::move(extents), std::as_bytes(values)};
}

namespace detail {

template <class T, class Source>
T convert_element(Source value, stored_tensor const& from) {
  if constexpr (std::integral<T>) {
    if constexpr (std::integral<Source>) {
      if (!std::in_range<T>(value))
        throw input_error("tensor '" + from.name + "': value " + std::to_string(value) +
                          " does not fit the asked type");
      return static_cast<T>(value);
    } else {
      throw input_error("tensor '" + from.name + "': expected whole numbers, found " + std::string(name_of(from.type)));
    }
  } else {
    return static_cast<T>(value);
  }
}

template <class T, class Source>
std::vector<T> convert_all(stored_tensor const& from) {
  std::size_t const n = from.bytes.size() / sizeof(Source);
  std::vector<T> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    Source const value = load_unaligned<Source>(from.bytes.data() + i * sizeof(Source));
    if constexpr (std::same_as<Source, f16> || std::same_as<Source, bf16>)
      out[i] = convert_element<T>(static_cast<float>(value), from);
    else
      out[i] = convert_element<T>(value, from);
  }
  return out;
}

}  // namespace detail

/// All elements as T: float or double (each rounded once, to nearest even), or a whole-number type, which takes only
/// whole numbers in its range and BOOL as 0 and 1. Throws input_error naming the tensor where that cannot be.
template <class T>
requires std::floating_point<T> || std::integral<T> std::vector<T> to_vector(stored_tensor const& from) {
  switch (from.type) {
    case stored_type::boolean:
    case stored_type::u8: return detail::convert_all<T, std::uint8_t>(from);
    case stored_type::i8: return detail::convert_all<T, std::int8_t>(from);
    case stored_type::i16: return detail::convert_all<T, std::int16_t>(from);
    case stored_type::u16: return detail::convert_all<T, std::uint16_t>(from);
    case stored_type::i32: return detail::convert_all<T, std::int32_t>(from);
    case stored_type::u32: return detail::convert_all<T, std::uint32_t>(from);
    case stored_type::i64: return detail::convert_all<T, std::int64_t>(from);
    case stored_type::u64: return detail::convert_all<T, std::uint64_t>(from);
    case stored_type::f16: return detail::convert_all<T, f16>(from);
    case stored_type::bf16: return detail::convert_all<T, bf16>(from);
    case stored_type::f32: return detail::convert_all<T, float>(from);
    case stored_type::f64: return detail::convert_all<T, double>(from);
    case stored_type::f8_e5m2:
    case stored_type::f8_e4m3: break;
  }
  std::vector<T> out(from.bytes.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::uint8_t const bits = std::to_integer<std::uint8_t>(from.bytes[i]);
    float const value = from.type == stored_type::f8_e4m3
                            ? detail::f8_e4m3_to_float(bits)
                            : scale::detail::f16_bits_to_float(static_cast<std::uint16_t>(bits << 8));
    out[i] = detail::convert_element<T>(value, from);
  }
  return out;
}

}  // namespace scale
