// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which elements dropout keeps: the bits of core/random.hpp, four numbers per block.

#include <scale/core/random.hpp>
#include <scale/cuda/detail/matrix.cuh>

#include <cmath>

namespace scale::cuda::detail {

/// dropout_keeps(key, number, p) as a comparison of integers, and the factor of what is kept.
struct dropout_draw {
  random_key key;
  std::uint32_t threshold;  // an element is kept where its 24 random bits reach it
  float factor;             // 1 / (1 - p)

  dropout_draw(random_key key_, double p)
      : key(key_),
        threshold(static_cast<std::uint32_t>(std::ceil(p * 0x1p24))),
        factor(static_cast<float>(1 / (1 - p))) {}

  __device__ bool always() const { return threshold == 0; }

  /// Factors of the numbers first to first + Width - 1: 0 where dropped. p = 0 draws nothing.
  template <int Width>
  __device__ lanes<Width> factors(std::uint64_t first) const {
    lanes<Width> result;
    random_block block{};
    for (int k = 0; k < Width; ++k) {
      if (always()) {
        result[k] = 1;
        continue;
      }
      std::uint64_t const number = first + static_cast<std::uint64_t>(k);
      unsigned const word = static_cast<unsigned>(number % 4);
      if (k == 0 || word == 0) block = random_words(key, number / 4);
      std::uint32_t const low = word == 0 ? block.word[0] : block.word[1];
      std::uint32_t const high = word == 2 ? block.word[2] : block.word[3];
      result[k] = ((word < 2 ? low : high) >> 8) >= threshold ? factor : 0.0f;
    }
    return result;
  }
};

/// Dropout of matrices with `columns` columns: element (i, j) is number rows[i] * columns + j.
struct dropout_mask {
  dropout_draw draw;
  std::int32_t const* rows;  // nullptr: 0, 1, ...
  index_t columns;

  template <int Width>
  __device__ lanes<Width> factors(index_t i, index_t j) const {
    index_t const row = rows != nullptr ? rows[i] : i;
    return draw.factors<Width>(static_cast<std::uint64_t>(row * columns + j));
  }
};

}  // namespace scale::cuda::detail
