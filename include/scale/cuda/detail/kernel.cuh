// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every kernel is written with: launching, shared memory, sums over a warp and a block.

#if !defined(__CUDACC__) && !defined(SCALE_CUDA_ON_HOST)
#error "kernels are compiled by nvcc: use scale_add_cuda_kernels(), and include <scale/cuda.hpp> in host code"
#endif

#include <scale/cuda/context.hpp>

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

/// Unused where a file includes a kernel and instantiates no launcher of it.
#define SCALE_KERNEL [[maybe_unused]] static __global__ void

namespace scale::cuda::detail {

inline constexpr int warp_size = 32;
inline constexpr unsigned whole_warp = 0xffffffffu;

SCALE_HD constexpr index_t ceil_div(index_t a, index_t b) { return (a + b - 1) / b; }

/// Blocks along x: at most 2^31 - 1, an argument_error beyond.
inline dim3 blocks(index_t x, index_t y = 1, location at = {}) {
  if (x > 0x7fffffff || y > 65535)
    throw_expected("cuda", "blocks", "at most 2147483647 by 65535", std::to_string(x) + " by " + std::to_string(y), at);
  return dim3(static_cast<unsigned>(x), static_cast<unsigned>(y));
}

/// Queues a kernel on the context's stream; `op` names it in errors. An empty grid is no launch.
template <class... Parameters>
void launch(context const& c, char const* op, void (*kernel)(Parameters...), dim3 grid, dim3 block,
            std::size_t shared_bytes, std::type_identity_t<Parameters> const&... arguments) {
  static_assert((std::is_trivially_copyable_v<Parameters> && ...), "kernel parameters are copied byte by byte");
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  device_scope const scope(c.options().device, op);
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = c.stream();
  check(cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...), op, "launching a kernel");
  c.state().queued(op);
}

/// The block's shared memory, `shared_bytes` of its launch.
template <class T>
__device__ T* shared_memory() {
  extern __shared__ __align__(16) unsigned char scale_shared_bytes[];
  return reinterpret_cast<T*>(scale_shared_bytes);
}

/// The same sum on all lanes, in an order that the lane numbers fix. All lanes of the warp take part.
template <class T>
__device__ T warp_sum(T value) {
  for (int distance = warp_size / 2; distance > 0; distance /= 2) value += __shfl_xor_sync(whole_warp, value, distance);
  return value;
}

/// The largest on all lanes; NaN only if all are.
__device__ inline float warp_max(float value) {
  for (int distance = warp_size / 2; distance > 0; distance /= 2)
    value = fmaxf(value, __shfl_xor_sync(whole_warp, value, distance));
  return value;
}

/// The same sum on all threads of a block of whole warps, at most 32 of them. `partial` is shared, a place per warp;
/// it may be used again behind the block's next barrier.
template <class T>
__device__ T block_sum(T value, T* partial) {
  int const warps = static_cast<int>(blockDim.x) / warp_size, thread = static_cast<int>(threadIdx.x);
  value = warp_sum(value);
  if (thread % warp_size == 0) partial[thread / warp_size] = value;
  __syncthreads();
  T sum = 0;
  for (int warp = 0; warp < warps; ++warp) sum += partial[warp];
  return sum;
}

}  // namespace scale::cuda::detail
