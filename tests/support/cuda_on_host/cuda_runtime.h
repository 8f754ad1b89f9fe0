// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the text of a kernel needs, on the host. The threads of a block are fibers; one runs until it reaches a barrier
// or a warp operation, or ends, then another is chosen at random, so that results which depend on an order that no
// barrier enforces differ from run to run of the seed. Blocks run one after another, in random order.

#include "cuda_runtime_api.h"
#include "emulator.hpp"
#include <math.h>

#include <cstring>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __shared__
#define __align__(n) __attribute__((aligned(n)))

inline uint3 threadIdx, blockIdx;
inline dim3 blockDim, gridDim;

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  std::size_t dynamicSmemBytes;
  cudaStream_t stream;
  void* attrs;
  unsigned numAttrs;
};

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(cudaLaunchConfig_t const* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  return cuda_on_host::queue_kernel(
      config->gridDim, config->blockDim, config->dynamicSmemBytes, config->stream,
      [kernel, copies = std::tuple<Parameters...>(std::forward<Arguments>(arguments)...)] {
        std::apply(kernel, copies);
      });
}

inline void __syncthreads() { cuda_on_host::block_barrier(); }
inline void __syncwarp(unsigned mask = 0xffffffffu) { cuda_on_host::warp_exchange(mask, 0); }

namespace cuda_on_host {

template <class T>
T read_lane(warp_values const& values, int lane) {
  std::uint64_t const bits = values.of(lane);
  T result;
  std::memcpy(&result, &bits, sizeof(T));
  return result;
}

template <class T>
warp_values exchange(unsigned mask, T value) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "warp shuffles move 4 or 8 bytes");
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  return warp_exchange(mask, bits);
}

}  // namespace cuda_on_host

template <class T>
T __shfl_sync(unsigned mask, T value, int lane) {
  return cuda_on_host::read_lane<T>(cuda_on_host::exchange(mask, value), lane & 31);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits) {
  return cuda_on_host::read_lane<T>(cuda_on_host::exchange(mask, value), cuda_on_host::own_lane() ^ bits);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  cuda_on_host::warp_values const values = cuda_on_host::exchange(mask, predicate != 0 ? 1 : 0);
  unsigned result = 0;
  for (int lane = 0; lane < 32; ++lane)
    if ((mask >> lane & 1u) != 0 && values.of(lane) != 0) result |= 1u << lane;
  return result;
}
inline int __ffs(int bits) { return __builtin_ffs(bits); }
