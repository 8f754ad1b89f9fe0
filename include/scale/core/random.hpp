// SPDX-License-Identifier: Apache-2.0
#pragma once
// Counter-based random numbers, Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011), keyed by (seed, step, purpose, index): the same on every backend, thread count and split of a batch.

#include <scale/core/config.hpp>

#include <cstdint>

namespace scale {

/// What a stream of numbers is for. Values are part of the checkpoint format: never renumber.
enum class purpose : std::uint32_t {
  initialise = 1,
  batch_order = 2,
  set_permutation = 3,
  clip_mask = 4,
  view = 5,
  colour = 6,
  probe = 7,
  split = 8,
  demo = 9,
  dropout = 0x10000,  // plus the number of the place in the network
};

/// Selects one stream. `step` counts up within a purpose: the optimisation step, the video's index, and so on.
struct random_key {
  std::uint64_t seed = 0;
  std::uint32_t step = 0;
  std::uint32_t stream = 0;
};

SCALE_HD constexpr random_key make_key(std::uint64_t seed, std::uint32_t step, purpose p, std::uint32_t place = 0) {
  return {seed, step, static_cast<std::uint32_t>(p) + place};
}

struct random_block {
  std::uint32_t word[4];
};

/// One Philox 4x32-10 block.
SCALE_HD constexpr random_block philox4x32(random_block counter, std::uint32_t key0, std::uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    std::uint64_t const p0 = std::uint64_t{0xD2511F53u} * counter.word[0];
    std::uint64_t const p1 = std::uint64_t{0xCD9E8D57u} * counter.word[2];
    counter = {{static_cast<std::uint32_t>(p1 >> 32) ^ counter.word[1] ^ key0, static_cast<std::uint32_t>(p1),
                static_cast<std::uint32_t>(p0 >> 32) ^ counter.word[3] ^ key1, static_cast<std::uint32_t>(p0)}};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return counter;
}

/// Block `block` of a stream: numbers 4 * block to 4 * block + 3.
SCALE_HD constexpr random_block random_words(random_key key, std::uint64_t block) {
  return philox4x32(
      {{static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), key.step, key.stream}},
      static_cast<std::uint32_t>(key.seed), static_cast<std::uint32_t>(key.seed >> 32));
}

/// Number `index` of a stream, 32 random bits.
SCALE_HD constexpr std::uint32_t random_bits(random_key key, std::uint64_t index) {
  return random_words(key, index / 4).word[index % 4];
}

/// 32 random bits as a float in [0, 1): a multiple of 2^-24.
SCALE_HD constexpr float to_unit_float(std::uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1p-24f; }

/// Number `index` of a stream, a double in [0, 1): a multiple of 2^-53, from words 2 * index and 2 * index + 1.
SCALE_HD constexpr double random_unit(random_key key, std::uint64_t index) {
  random_block const block = random_words(key, index / 2);
  std::uint32_t const high = block.word[2 * (index % 2)];
  std::uint32_t const low = block.word[2 * (index % 2) + 1];
  return static_cast<double>((std::uint64_t{high} << 21) | (low >> 11)) * 0x1p-53;
}

/// Number `index` of a stream, an integer in [0, bound), bound in [1, 2^32]; bias below bound / 2^64.
SCALE_HD constexpr std::uint64_t random_below(random_key key, std::uint64_t index, std::uint64_t bound) {
  random_block const block = random_words(key, index / 2);
  std::uint64_t const high = block.word[2 * (index % 2)];
  std::uint64_t const low = block.word[2 * (index % 2) + 1];
  return (high * bound + ((low * bound) >> 32)) >> 32;
}

/// Whether element `index` survives dropout with probability `p` of being dropped: u >= p with u from to_unit_float.
SCALE_HD constexpr bool dropout_keeps(random_key key, std::uint64_t index, double p) {
  return static_cast<double>(to_unit_float(random_bits(key, index))) >= p;
}

}  // namespace scale
