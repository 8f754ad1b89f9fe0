// SPDX-License-Identifier: Apache-2.0
#pragma once
// The devices that this process can use.

#include <scale/core/error.hpp>
#include <scale/cuda/detail/state.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace scale::cuda {

struct device_info {
  std::string name;        // as its maker calls it
  std::string capability;  // "9.0": its compute capability
  std::size_t bytes = 0;   // of memory in all
};

/// By number, as context_options::device counts. Throws resource_error where there is none, or the driver is too old.
inline std::vector<device_info> devices(location at = location::current()) {
  detail::expect_device(0, at);
  constexpr auto op = "cuda::devices";
  int count = 0;
  detail::check(cudaGetDeviceCount(&count), op, "counting devices");
  std::vector<device_info> all;
  for (int device = 0; device < count; ++device) {
    cudaDeviceProp found{};
    detail::check(cudaGetDeviceProperties(&found, device), op, "reading properties");
    std::string capability;
    for (cudaDeviceAttr const part : {cudaDevAttrComputeCapabilityMajor, cudaDevAttrComputeCapabilityMinor}) {
      int value = 0;
      detail::check(cudaDeviceGetAttribute(&value, part, device), op, "reading attributes");
      capability += (capability.empty() ? "" : ".") + std::to_string(value);
    }
    all.push_back({found.name, capability, found.totalGlobalMem});
  }
  return all;
}

}  // namespace scale::cuda
