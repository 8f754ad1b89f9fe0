// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernel of fill.

#include <scale/cuda/detail/kernel.cuh>
#include <scale/cuda/fill.hpp>

namespace scale::cuda::detail {

struct fill_tuning {
  static constexpr int block = 256;
  static constexpr index_t per_thread = 4;
};

template <class Word>
SCALE_KERNEL fill_kernel(Word* data, index_t n, Word value) {
  index_t const tile = fill_tuning::block * fill_tuning::per_thread;
  index_t const begin = static_cast<index_t>(blockIdx.x) * tile + static_cast<index_t>(threadIdx.x);
  for (index_t k = 0; k < fill_tuning::per_thread; ++k) {
    index_t const i = begin + k * fill_tuning::block;
    if (i < n) data[i] = value;
  }
}

template <class Word>
void launch_fill(context const& c, Word* data, index_t n, Word value) {
  launch(c, "fill", fill_kernel<Word>, blocks(ceil_div(n, fill_tuning::block * fill_tuning::per_thread)),
         fill_tuning::block, 0, data, n, value);
}

}  // namespace scale::cuda::detail

/// For all element types.
#define SCALE_CUDA_INSTANTIATE_FILL_WORD(Word) \
  template void scale::cuda::detail::launch_fill<Word>(scale::cuda::context const&, Word*, scale::index_t, Word);
#define SCALE_CUDA_INSTANTIATE_FILL()             \
  SCALE_CUDA_INSTANTIATE_FILL_WORD(std::uint8_t)  \
  SCALE_CUDA_INSTANTIATE_FILL_WORD(std::uint16_t) \
  SCALE_CUDA_INSTANTIATE_FILL_WORD(std::uint32_t) \
  SCALE_CUDA_INSTANTIATE_FILL_WORD(std::uint64_t)
