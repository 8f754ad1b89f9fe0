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

// The factor of element `number`, and of the four from it on: 0 where dropped. A threshold of 0 draws nothing.
#define DROPOUT_FACTOR(name, number) \
  dropout_factor(name##_seed, name##_step, name##_stream, name##_threshold, name##_kept, number)
#define DROPOUT_FACTORS(name, number) \
  dropout_factors(name##_seed, name##_step, name##_stream, name##_threshold, name##_kept, number)

uint4 random_words(ulong seed, uint step, uint stream, ulong block) {
  uint4 word = (uint4)((uint)block, (uint)(block >> 32), step, stream);
  uint key0 = (uint)seed, key1 = (uint)(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    uint const high0 = mul_hi(0xD2511F53u, word.x), low0 = 0xD2511F53u * word.x;
    uint const high1 = mul_hi(0xCD9E8D57u, word.z), low1 = 0xCD9E8D57u * word.z;
    word = (uint4)(high1 ^ word.y ^ key0, low1, high0 ^ word.w ^ key1, low0);
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return word;
}

float dropout_factor(ulong seed, uint step, uint stream, uint threshold, float kept, ulong number) {
  if (threshold == 0) return 1;
  uint4 const bits = random_words(seed, step, stream, number / 4);
  uint2 const two = number % 4 < 2 ? bits.xy : bits.zw;
  return (number % 2 == 0 ? two.x : two.y) >> 8 >= threshold ? kept : 0.0f;
}

float4 dropout_factors(ulong seed, uint step, uint stream, uint threshold, float kept, ulong number) {
  if (threshold == 0) return 1;
  uint4 bits = random_words(seed, step, stream, number / 4);
  uint const skipped = number % 4;
  if (skipped != 0) {
    uint4 const next = random_words(seed, step, stream, number / 4 + 1);
    bits = skipped == 1   ? (uint4)(bits.yzw, next.x)
           : skipped == 2 ? (uint4)(bits.zw, next.xy)
                          : (uint4)(bits.w, next.xyz);
  }
  return bits >> 8 >= threshold ? (float4)kept : (float4)0;
}
)CL";

}  // namespace scale::opencl::detail
