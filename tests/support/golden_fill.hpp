// SPDX-License-Identifier: Apache-2.0
#pragma once
// The filled tensors of golden files: numbers that depend on a name, a shape and a seed, nothing else.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace golden {

inline constexpr std::uint64_t fill_step = 0x9E3779B97F4A7C15u;

/// FNV-1a, 64 bit.
constexpr std::uint64_t fnv1a(std::string_view name) {
  std::uint64_t h = 0xCBF29CE484222325u;
  for (char const c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return h;
}

constexpr std::uint64_t fill_key(std::string_view name, std::uint64_t seed) { return fnv1a(name) ^ (seed * fill_step); }

/// 2^24 u of element i, counted from 1: splitmix64's upper 24 bits.
constexpr std::uint64_t fill_bits(std::uint64_t key, std::uint64_t i) {
  std::uint64_t z = key + i * fill_step;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (z ^ (z >> 31)) >> 40;
}

/// centre + half * (2 u - 1) in double. The product is kept from being fused with the sum.
inline double fill_value(std::uint64_t bits, double centre, double half) {
  double const volatile product = half * (2 * (static_cast<double>(bits) * 0x1p-24) - 1);
  return centre + product;
}

inline std::size_t element_count(std::span<std::int64_t const> shape) {
  std::size_t n = 1;
  for (std::int64_t const extent : shape) n *= static_cast<std::size_t>(extent);
  return n;
}

/// The tensor, row-major, each value rounded to fp32, or to fp16 where `dtype` is "F16", then mapped: `map` is empty,
/// "uint8" (truncated to an integer) or "position" (column 0 of the last axis becomes +1 where >= 0.5, else -1).
inline std::vector<double> fill(std::string_view name, std::span<std::int64_t const> shape, double centre, double half,
                                std::uint64_t seed, std::string_view map = {}, std::string_view dtype = {}) {
  std::vector<double> values(element_count(shape));
  std::uint64_t const key = fill_key(name, seed);
  if (!dtype.empty() && dtype != "F32" && dtype != "F16") throw std::invalid_argument("golden::fill: unknown dtype");
  if (!map.empty() && map != "uint8" && map != "position") throw std::invalid_argument("golden::fill: unknown map");
  for (std::size_t i = 0; i < values.size(); ++i) {
    double const value = fill_value(fill_bits(key, i + 1), centre, half);
    // Rounding to fp32 first would round twice; f16 takes a float, so go there through the exact neighbour.
    if (dtype == "F16") {
      double const magnitude = std::abs(value);
      int exponent = 0;
      std::frexp(magnitude, &exponent);
      double const unit = std::ldexp(1.0, (exponent > -13 ? exponent : -13) - 11);
      values[i] = std::nearbyint(value / unit) * unit;
    } else {
      values[i] = static_cast<double>(static_cast<float>(value));
    }
  }
  if (map == "uint8")
    for (double& value : values) value = std::trunc(value);
  if (map == "position") {
    auto const width = static_cast<std::size_t>(shape.back());
    for (std::size_t i = 0; i < values.size(); i += width) values[i] = values[i] >= 0.5 ? 1 : -1;
  }
  return values;
}

struct centre_and_half {
  double centre;
  double half;
};

/// Centre and half of a parameter, by its name under the released code's state dict and its shape.
inline centre_and_half parameter_range(std::string_view name, std::span<std::int64_t const> shape) {
  std::size_t const dot = name.rfind('.');
  std::string_view const leaf = dot == std::string_view::npos ? name : name.substr(dot + 1);
  auto const has = [&](std::string_view part) { return leaf.find(part) != std::string_view::npos; };
  if (leaf == "num_batches_tracked") return {0, 0};
  if (leaf == "running_var") return {1, 0.25};
  if (leaf == "running_mean") return {0, 0.1};
  if (leaf == "weight" && shape.size() == 1) return {1, 0.1};
  if (shape.size() <= 1) return {0, 0.1};
  if (has("token") || has("pos_embed") || has("time_embed") || has("position_embeddings") || has("time_embeddings"))
    return {0, 0.5};
  return {0, std::sqrt(3.0 / static_cast<double>(element_count(shape.subspan(1))))};
}

/// A filled parameter.
inline std::vector<double> fill_parameter(std::string_view name, std::span<std::int64_t const> shape,
                                          std::uint64_t seed) {
  auto const [centre, half] = parameter_range(name, shape);
  return fill(name, shape, centre, half, seed);
}

}  // namespace golden
