// SPDX-License-Identifier: Apache-2.0
#pragma once
// The backend under test: ref, in float and double. A test of an operator or layer is compiled once per backend and
// starts with
//   #include SCALE_TEST_BACKEND_HEADER
//   TEST_CASE_TEMPLATE("...", T, SCALE_TEST_TYPES) { testing::test_backend const b = testing::make_backend(); ... }

#include <scale/ref.hpp>

#include <tuple>

#define SCALE_TEST_TYPES float, double
#define SCALE_TEST_WIDE_TYPES float, double
#define SCALE_TEST_STORED_TYPES float, double, scale::bf16  // that copy moves and adds

namespace testing {

using test_backend = scale::ref::context;
using test_types = std::tuple<SCALE_TEST_TYPES>;
inline constexpr char const* backend_name = "ref";
inline test_backend make_backend() { return {}; }

}  // namespace testing
