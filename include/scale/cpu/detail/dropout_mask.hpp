// SPDX-License-Identifier: Apache-2.0
#pragma once
// Dropout's factors for a run of a Philox stream, sixteen blocks at a time; the bits are those of random_bits.

#include <scale/core/config.hpp>
#include <scale/core/random.hpp>
#include <scale/core/shape.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace scale::cpu::detail {

/// Elements that dropout_factors makes at a time: the size of a caller's buffer.
inline constexpr index_t dropout_chunk = 256;

/// Numbers 4 * block to 4 * block + 63 of a stream.
SCALE_ALWAYS_INLINE void random_words_16(random_key key, std::uint64_t block, std::uint32_t* words) {
#pragma omp simd
  for (std::uint32_t k = 0; k < 16; ++k) {
    std::uint64_t const counter = block + k;
    std::uint32_t c0 = static_cast<std::uint32_t>(counter), c1 = static_cast<std::uint32_t>(counter >> 32);
    std::uint32_t c2 = key.step, c3 = key.stream;
    std::uint32_t key0 = static_cast<std::uint32_t>(key.seed), key1 = static_cast<std::uint32_t>(key.seed >> 32);
    for (int round = 0; round < 10; ++round) {
      std::uint64_t const p0 = std::uint64_t{0xD2511F53u} * c0, p1 = std::uint64_t{0xCD9E8D57u} * c2;
      c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ key0;
      c1 = static_cast<std::uint32_t>(p1);
      c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ key1;
      c3 = static_cast<std::uint32_t>(p0);
      key0 += 0x9E3779B9u;
      key1 += 0xBB67AE85u;
    }
    words[4 * k] = c0;
    words[4 * k + 1] = c1;
    words[4 * k + 2] = c2;
    words[4 * k + 3] = c3;
  }
}

/// factors[i] = dropout_keeps(key, first + i, p) ? 1 / (1 - p) : 0 for i in [0, n), n <= dropout_chunk. Call it inside
/// simd_dispatch.
SCALE_ALWAYS_INLINE void dropout_factors(random_key key, double p, std::uint64_t first, index_t n, float* factors) {
  // u >= p for u = k / 2^24 is k >= p 2^24, exactly
  std::int32_t const threshold = static_cast<std::int32_t>(std::ceil(p * 0x1p24));
  float const scale = static_cast<float>(1 / (1 - p));
  std::uint32_t words[dropout_chunk + 64];
  index_t const skip = static_cast<index_t>(first % 4);
  for (index_t made = 0; made < skip + n; made += 64)
    random_words_16(key, first / 4 + static_cast<std::uint64_t>(made / 4), words + made);
  std::uint32_t const* const run = words + skip;
#pragma omp simd
  for (index_t i = 0; i < n; ++i) factors[i] = static_cast<std::int32_t>(run[i] >> 8) >= threshold ? scale : 0.0f;
}

/// f(offset, length, factors) for chunks that cover [0, n) of the run of the stream that begins at `first`.
template <class F>
SCALE_ALWAYS_INLINE void for_each_dropout_chunk(random_key key, double p, std::uint64_t first, index_t n, F const& f) {
  float factors[dropout_chunk];
  for (index_t offset = 0; offset < n; offset += dropout_chunk) {
    index_t const length = (std::min)(dropout_chunk, n - offset);
    dropout_factors(key, p, first + static_cast<std::uint64_t>(offset), length, factors);
    f(offset, length, factors);
  }
}

}  // namespace scale::cpu::detail
