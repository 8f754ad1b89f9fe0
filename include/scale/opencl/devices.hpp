// SPDX-License-Identifier: Apache-2.0
#pragma once
// The devices that this process can use.

#include <scale/opencl/detail/find_device.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace scale::opencl {

struct device_info {
  std::string name, platform;
  std::string version;    // of OpenCL, as the device says it: "OpenCL 3.0 ..."
  std::size_t bytes = 0;  // of memory in all
};

/// By number, as context_options::device counts. Throws resource_error where there is none.
inline std::vector<device_info> devices() {
  constexpr auto op = "opencl::devices";
  std::vector<device_info> all;
  for (detail::compute::device const& device : detail::all_devices(op))
    all.push_back(detail::checked(op, "reading properties", [&] {
      return device_info{device.name(), device.platform().name(), device.version(), device.global_memory_size()};
    }));
  return all;
}

}  // namespace scale::opencl
