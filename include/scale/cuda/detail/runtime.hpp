// SPDX-License-Identifier: Apache-2.0
#pragma once
// Calls of the CUDA runtime: every failure becomes a resource_error that names the operator.

#include <scale/core/error.hpp>

#include <cuda_runtime_api.h>

#include <string>
#include <string_view>

namespace scale::cuda::detail {

/// "out of memory (cudaErrorMemoryAllocation)"
inline std::string describe(cudaError_t code) {
  return std::string(cudaGetErrorString(code)) + " (" + cudaGetErrorName(code) + ")";
}

/// What a user can do about it; empty where nothing general can be said.
inline std::string_view advice(cudaError_t code) {
  switch (code) {
    case cudaErrorNoDevice: return "; another backend, cpu, needs none";
    case cudaErrorInsufficientDriver: return "; install a driver that is at least as new as the CUDA runtime";
    case cudaErrorNoKernelImageForDevice:
      return "; compile the kernels for this device's architecture (ARCHITECTURES of scale_add_cuda_kernels)";
    case cudaErrorMemoryAllocation: return "; a smaller batch needs less";
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorMisalignedAddress:
    case cudaErrorAssert:
      return "; this process cannot use the device any more. An index out of range is a likely cause: "
             "launch_checks::each names the operator";
    default: return "";
  }
}

[[noreturn]] inline void throw_runtime_error(std::string_view op, std::string_view what, cudaError_t code) {
  throw resource_error("[" + std::string(op) + "] " + std::string(what) + ": " + describe(code) +
                       std::string(advice(code)));
}

/// Throws resource_error "[op] what: ..." unless `code` is success.
inline void check(cudaError_t code, std::string_view op, std::string_view what) {
  if (code == cudaSuccess) return;
  cudaGetLastError();  // an error that is not sticky must not show up at somebody else's next call
  throw_runtime_error(op, what, code);
}

/// Makes a device current and, at the end of the scope, the one that was.
class device_scope {
 public:
  device_scope(int device, std::string_view op) {
    check(cudaGetDevice(&before_), op, "the current device");
    changed_ = before_ != device;
    if (changed_) check(cudaSetDevice(device), op, "making device " + std::to_string(device) + " current");
  }
  device_scope(device_scope const&) = delete;
  device_scope& operator=(device_scope const&) = delete;
  ~device_scope() {
    if (changed_) cudaSetDevice(before_);  // a destructor reports nothing
  }

 private:
  int before_ = 0;
  bool changed_ = false;
};

}  // namespace scale::cuda::detail
