// SPDX-License-Identifier: Apache-2.0
#include <scale/core/error.hpp>

#include <doctest/doctest.h>
#include <support/thrown.hpp>

#include <type_traits>

static_assert(std::is_base_of_v<std::runtime_error, scale::error>);
static_assert(std::is_base_of_v<scale::error, scale::argument_error>);
static_assert(std::is_base_of_v<scale::error, scale::input_error>);
static_assert(std::is_base_of_v<scale::error, scale::resource_error>);
static_assert(std::is_base_of_v<scale::error, scale::cancelled_error>);

namespace {

// An operation as the library writes them: the location is a default argument.
void operation(int n, scale::location at = scale::location::current()) {
  scale::expect(n > 0, "operation", "n must be positive", at);
}

}  // namespace

TEST_CASE("an error names the line of the caller, not of the check") {
  unsigned const line = __LINE__ + 1;
  CHECK(testing::thrown<scale::argument_error>([] { operation(0); }) ==
        "[operation] n must be positive (" + testing::here(__FILE__, line) + ")");
  CHECK_NOTHROW(operation(1));
}

TEST_CASE("throw_expected says what, expected, got and where") {
  CHECK(testing::thrown<scale::argument_error>([] {
          scale::throw_expected("linear", "w.extent(0)", "7", "8", {"app/step.hpp", 7});
        }) == "[linear] w.extent(0): expected 7, got 8 (app/step.hpp:7)");
}

TEST_CASE("without a location no line is named") {
  CHECK(testing::thrown<scale::argument_error>([] { operation(0, scale::location{}); }) ==
        "[operation] n must be positive");
}
