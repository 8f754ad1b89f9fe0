// SPDX-License-Identifier: Apache-2.0
#pragma once
// The backend under test: opencl, on the device that SCALE_OPENCL_DEVICE chooses. One context for all test cases, so
// that each kernel is compiled once. See backend_ref.hpp for how a test uses this.

#include <scale/opencl.hpp>
#include <scale/ref.hpp>

#include <optional>
#include <tuple>

#define SCALE_TEST_TYPES float
#define SCALE_TEST_WIDE_TYPES float
#define SCALE_TEST_STORED_TYPES float

namespace testing {

using test_backend = scale::opencl::context;
using test_types = std::tuple<SCALE_TEST_TYPES>;
inline constexpr char const* backend_name = "opencl";

/// Emptied by main: at the end of a process the driver's own parts may go before a context that is static.
inline std::optional<test_backend> shared_backend;

inline test_backend make_backend() {
  if (!shared_backend) shared_backend.emplace();
  return *shared_backend;
}

}  // namespace testing
