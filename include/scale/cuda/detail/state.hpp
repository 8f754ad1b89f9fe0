// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the copies of a CUDA context and its buffers share: a stream, a memory pool, a cuBLASLt handle.

#include <scale/cuda/detail/cublaslt.hpp>
#include <scale/cuda/detail/runtime.hpp>
#include <scale/cuda/options.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace scale::cuda::detail {

/// Throws resource_error, in words, where no device can be used; argument_error where there is no such number.
inline void expect_device(int device, location at) {
  constexpr auto op = "cuda::context";
  int driver = 0, runtime = 0, count = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  auto const version = [](int v) { return std::to_string(v / 1000) + "." + std::to_string(v % 1000 / 10); };
  cudaError_t const found = cudaGetDeviceCount(&count);
  cudaGetLastError();
  if (found == cudaErrorNoDevice || (found == cudaErrorInsufficientDriver && driver == 0) ||
      (found == cudaSuccess && count == 0))
    throw resource_error(std::string("[cuda::context] no CUDA device: ") +
                         (driver == 0 ? "no driver is installed" : "the driver sees none") +
                         std::string(advice(cudaErrorNoDevice)));
  if (found == cudaErrorInsufficientDriver)
    throw resource_error("[cuda::context] the driver is too old: expected one for CUDA " + version(runtime) +
                         ", got one for CUDA " + version(driver) + std::string(advice(found)));
  check(found, op, "counting devices");
  if (device < 0 || device >= count)
    throw_expected(op, "device", "in [0, " + std::to_string(count) + ")", std::to_string(device), at);
}

/// Not copyable; lives until the last context and buffer of it are gone, then waits for its stream.
class state {
 public:
  state(context_options const& options, location at) : options_(options) {
    expect_device(options.device, at);
    constexpr auto op = "cuda::context";
    device_scope const scope(options.device, op);
    try {
      int pools = 0;
      check(cudaDeviceGetAttribute(&pools, cudaDevAttrMemoryPoolsSupported, options.device), op, "device attributes");
      if (pools == 0) throw resource_error("[cuda::context] this device has no stream-ordered memory (memory pools)");
      check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), op, "making a stream");
      cudaMemPoolProps properties{};
      properties.allocType = cudaMemAllocationTypePinned;
      properties.handleTypes = cudaMemHandleTypeNone;
      properties.location.type = cudaMemLocationTypeDevice;
      properties.location.id = options.device;
      check(cudaMemPoolCreate(&pool_, &properties), op, "making a memory pool");
      std::uint64_t keep = (std::numeric_limits<std::uint64_t>::max)();  // freed memory stays for the next tensor
      check(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &keep), op, "setting up a memory pool");
    } catch (...) {
      release();
      throw;
    }
  }
  state(state const&) = delete;
  state& operator=(state const&) = delete;
  ~state() {
    int before = 0;
    bool const restore = cudaGetDevice(&before) == cudaSuccess && before != options_.device;
    if (restore) cudaSetDevice(options_.device);
    if (workspace_ != nullptr) cudaFreeAsync(workspace_, stream_);
    if (stream_ != nullptr) cudaStreamSynchronize(stream_);
    release();
    if (restore) cudaSetDevice(before);
  }

  context_options const& options() const { return options_; }
  cudaStream_t stream() const { return stream_; }

  /// nullptr for no bytes. Memory may be used by work queued on the stream from here on.
  void* allocate(std::size_t bytes) {
    if (bytes == 0) return nullptr;
    device_scope const scope(options_.device, "cuda memory");
    void* data = nullptr;
    cudaError_t const code = cudaMallocFromPoolAsync(&data, bytes, pool_, stream_);
    if (code == cudaSuccess) return data;
    cudaGetLastError();
    if (code != cudaErrorMemoryAllocation) throw_runtime_error("cuda memory", "allocating", code);
    std::size_t free = 0, total = 0;
    bool const known = cudaMemGetInfo(&free, &total) == cudaSuccess;
    throw resource_error(
        "[cuda memory] " + std::to_string(bytes) + " bytes cannot be allocated on device " +
        std::to_string(options_.device) +
        (known ? ": " + std::to_string(free) + " of " + std::to_string(total) + " bytes are free" : std::string()) +
        std::string(advice(code)));
  }

  /// Work queued before may still use the memory.
  void free(void* data) noexcept {
    if (data != nullptr) cudaFreeAsync(data, stream_);
  }

  /// Waits for all work. Throws resource_error where a kernel failed.
  void synchronize(std::string_view op) {
    device_scope const scope(options_.device, op);
    cudaError_t const code = cudaStreamSynchronize(stream_);
    if (code != cudaSuccess)
      check(code, op, std::string("work queued before failed; the last operator queued was ") + last_op_);
  }

  /// To be called after work of `op`, a literal, was queued.
  void queued(char const* op) {
    last_op_ = op;
    if (options_.checks == launch_checks::each) synchronize(op);
  }

  /// Made at the first call, so that programs without products need no cuBLASLt at run time.
  matmul_plans& plans() { return plans_; }

  /// Scratch memory of matrix products, one at a time on the stream.
  void* workspace() {
    if (workspace_ == nullptr) workspace_ = allocate(matmul_workspace_bytes);
    return workspace_;
  }

 private:
  void release() noexcept {
    if (pool_ != nullptr) cudaMemPoolDestroy(pool_);
    if (stream_ != nullptr) cudaStreamDestroy(stream_);
  }

  context_options options_;
  cudaStream_t stream_ = nullptr;
  cudaMemPool_t pool_ = nullptr;
  void* workspace_ = nullptr;
  char const* last_op_ = "none";
  matmul_plans plans_;
};

}  // namespace scale::cuda::detail
