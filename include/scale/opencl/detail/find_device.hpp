// SPDX-License-Identifier: Apache-2.0
#pragma once
// The devices of all platforms, and the one that a user's words mean.

#include <scale/opencl/detail/runtime.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace scale::opencl::detail {

/// Platform by platform. Throws resource_error where there is none.
inline std::vector<compute::device> all_devices(std::string_view op) {
  constexpr std::string_view remedy =
      "; install the OpenCL driver of a device, or PoCL (package pocl-opencl-icd), which makes one of any CPU; another "
      "backend, cpu, needs none";
  cl_uint count = 0;
  cl_int const code = clGetPlatformIDs(0, nullptr, &count);
  constexpr cl_int no_platform = -1001;  // CL_PLATFORM_NOT_FOUND_KHR, of the loader
  if (code == no_platform || (code == CL_SUCCESS && count == 0))
    throw resource_error("[" + std::string(op) + "] no OpenCL platform is installed" + std::string(remedy));
  check(code, op, "counting platforms");
  std::vector<cl_platform_id> platforms(count);
  check(clGetPlatformIDs(count, platforms.data(), nullptr), op, "listing platforms");
  std::vector<compute::device> devices;
  for (cl_platform_id const platform : platforms)
    for (compute::device const& device :
         checked(op, "listing devices", [&] { return compute::platform(platform).devices(); }))
      devices.push_back(device);
  if (devices.empty())
    throw resource_error("[" + std::string(op) + "] the OpenCL platforms have no device" + std::string(remedy));
  return devices;
}

/// "0 (pthread-...), 1 (...)"
inline std::string list_of(std::vector<compute::device> const& devices) {
  std::string text;
  for (std::size_t i = 0; i < devices.size(); ++i)
    text += (i != 0 ? ", " : "") + std::to_string(i) + " (" + devices[i].name() + ")";
  return text;
}

inline bool contains_ignoring_case(std::string const& text, std::string const& part) {
  auto const same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

/// See context_options::device. Throws argument_error where no device is meant.
inline compute::device find_device(std::string wanted, location at) {
  constexpr auto op = "opencl::context";
  std::string what = "device";
  if (wanted.empty()) {
    char const* const variable = std::getenv("SCALE_OPENCL_DEVICE");
    if (variable != nullptr) wanted = variable, what = "device (SCALE_OPENCL_DEVICE)";
  }
  std::vector<compute::device> const devices = all_devices(op);
  if (wanted.empty()) {
    auto const is_gpu = [](compute::device const& d) { return (d.type() & CL_DEVICE_TYPE_GPU) != 0; };
    auto const gpu = std::find_if(devices.begin(), devices.end(), is_gpu);
    return gpu != devices.end() ? *gpu : devices.front();
  }
  std::size_t number = 0;
  auto const [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), number);
  if (error == std::errc() && end == wanted.data() + wanted.size()) {
    if (number < devices.size()) return devices[number];
  } else {
    for (compute::device const& device : devices)
      if (contains_ignoring_case(device.name(), wanted)) return device;
  }
  throw_expected(op, what, "the number or a part of the name of one of " + list_of(devices), "'" + wanted + "'", at);
}

}  // namespace scale::opencl::detail
