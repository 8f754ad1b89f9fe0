// SPDX-License-Identifier: Apache-2.0
#pragma once
// The backend under test: cpu, in float and bf16, on two threads. Networks whose tests know no tolerance for bf16 run
// in SCALE_TEST_WIDE_TYPES. <scale/ref.hpp> comes along: it is the oracle. See
// backend_ref.hpp for how a test uses this.

#include <scale/cpu.hpp>
#include <scale/ref.hpp>

#include <tuple>

#define SCALE_TEST_TYPES float, scale::bf16
#define SCALE_TEST_WIDE_TYPES float
#define SCALE_TEST_STORED_TYPES float, double, scale::bf16

namespace testing {

using test_backend = scale::cpu::context;
using test_types = std::tuple<SCALE_TEST_TYPES>;
inline constexpr char const* backend_name = "cpu";
inline test_backend make_backend() { return test_backend{2}; }

}  // namespace testing
