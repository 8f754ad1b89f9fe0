// SPDX-License-Identifier: Apache-2.0
#pragma once
// Calls of OpenCL: every failure becomes a resource_error that names the operator.

#include <scale/core/error.hpp>

#include <boost/compute/core.hpp>

#include <string>
#include <string_view>

namespace scale::opencl::detail {

namespace compute = boost::compute;

inline std::string describe(cl_int code) {
  return compute::opencl_error::to_string(code) + " (" + std::to_string(code) + ")";
}

/// What a user can do about it; empty where nothing general can be said.
inline std::string_view advice(cl_int code) {
  switch (code) {
    case CL_DEVICE_NOT_AVAILABLE:
      return "; another program may hold the device: another one is chosen by "
             "SCALE_OPENCL_DEVICE";
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
    case CL_OUT_OF_RESOURCES:
    case CL_OUT_OF_HOST_MEMORY:
    case CL_INVALID_BUFFER_SIZE: return "; a smaller batch needs less";
    default: return "";
  }
}

[[noreturn]] inline void throw_opencl_error(std::string_view op, std::string_view what, cl_int code) {
  throw resource_error("[" + std::string(op) + "] " + std::string(what) + ": " + describe(code) +
                       std::string(advice(code)));
}

/// Throws resource_error "[op] what: ..." unless `code` is success.
inline void check(cl_int code, std::string_view op, std::string_view what) {
  if (code != CL_SUCCESS) throw_opencl_error(op, what, code);
}

/// The result of f(), a call of Boost.Compute; its error as resource_error "[op] what: ...".
template <class F>
decltype(auto) checked(std::string_view op, std::string_view what, F const& f) {
  try {
    return f();
  } catch (compute::opencl_error const& e) {
    throw_opencl_error(op, what, e.error_code());
  }
}

}  // namespace scale::opencl::detail
