// SPDX-License-Identifier: Apache-2.0
#pragma once
// The backend under test: opencl, on the device that SCALE_OPENCL_DEVICE chooses. One context for all test cases, so
// that each kernel is compiled once. See backend_ref.hpp for how a test uses this.

#include <scale/opencl.hpp>
#include <scale/ref.hpp>

#include <tuple>

#define SCALE_TEST_TYPES float
#define SCALE_TEST_WIDE_TYPES float

namespace testing {

using test_backend = scale::opencl::context;
using test_types = std::tuple<SCALE_TEST_TYPES>;
inline constexpr char const* backend_name = "opencl";
inline test_backend make_backend() {
  static test_backend const shared;
  return shared;
}

}  // namespace testing
