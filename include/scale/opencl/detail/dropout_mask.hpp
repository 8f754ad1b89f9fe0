// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which elements dropout keeps: the bits of core/random.hpp.

#include <scale/core/random.hpp>
#include <scale/opencl/detail/launch.hpp>

#include <cmath>
#include <cstdint>

namespace scale::opencl::detail {

/// As the parameter DROPOUT of a kernel: dropout_keeps(key, number, p) as a comparison of integers, and the factor of
/// what is kept.
struct dropout_draw {
  random_key key;
  std::uint32_t threshold;  // an element is kept where its 24 random bits reach it
  float factor;             // 1 / (1 - p)

  dropout_draw(random_key key_, double p)
      : key(key_),
        threshold(static_cast<std::uint32_t>(std::ceil(p * 0x1p24))),
        factor(static_cast<float>(1 / (1 - p))) {}

  void pass_to(argument_setter& set) const {
    set(key.seed);
    set(key.step);
    set(key.stream);
    set(threshold);
    set(factor);
  }
};

/// philox4x32 of core/random.hpp; its constants are the paper's.
inline constexpr char const* dropout_source = R"CL(
#define DROPOUT(name) ulong name##_seed, uint name##_step, uint name##_stream, uint name##_threshold, float name##_kept

// The factor of element `number`: 0 where dropped. A threshold of 0 draws nothing.
#define DROPOUT_FACTOR(name, number) \
  (name##_threshold == 0 ? 1.0f      \
   : random_bits(name##_seed, name##_step, name##_stream, number) >> 8 >= name##_threshold ? name##_kept : 0.0f)

uint random_bits(ulong seed, uint step, uint stream, ulong number) {
  ulong const block = number / 4;
  uint4 word = (uint4)((uint)block, (uint)(block >> 32), step, stream);
  uint key0 = (uint)seed, key1 = (uint)(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    uint const high0 = mul_hi(0xD2511F53u, word.x), low0 = 0xD2511F53u * word.x;
    uint const high1 = mul_hi(0xCD9E8D57u, word.z), low1 = 0xCD9E8D57u * word.z;
    word = (uint4)(high1 ^ word.y ^ key0, low1, high0 ^ word.w ^ key1, low0);
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  uint2 const half_of = number % 4 < 2 ? word.xy : word.zw;
  return number % 2 == 0 ? half_of.x : half_of.y;
}
)CL";

}  // namespace scale::opencl::detail
