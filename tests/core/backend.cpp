// SPDX-License-Identifier: Apache-2.0
#include <scale/core/backend.hpp>
#include <scale/core/config.hpp>
#include <scale/core/version.hpp>
#include <scale/ref/context.hpp>

#include <doctest/doctest.h>

#include <string>

namespace {

struct device_only {
  using buffer = scale::host_buffer;
  static constexpr char const* name = "device";
  static constexpr bool host_accessible = false;
  buffer allocate(std::size_t bytes) const { return buffer(bytes); }
};

struct without_name {
  using buffer = scale::host_buffer;
  static constexpr bool host_accessible = true;
  buffer allocate(std::size_t bytes) const { return buffer(bytes); }
};

struct allocates_another_type {
  using buffer = scale::host_buffer;
  static constexpr char const* name = "x";
  static constexpr bool host_accessible = true;
  void* allocate(std::size_t) const { return nullptr; }
};

}  // namespace

static_assert(scale::backend<scale::ref::context> && scale::host_backend<scale::ref::context>);
static_assert(scale::backend<device_only> && !scale::host_backend<device_only>);
static_assert(!scale::backend<without_name> && !scale::backend<allocates_another_type> && !scale::backend<int>);

TEST_CASE("the version's text and numbers agree") {
  std::string const numbers = std::to_string(SCALE_VERSION_MAJOR) + "." + std::to_string(SCALE_VERSION_MINOR) + "." +
                              std::to_string(SCALE_VERSION_PATCH);
  CHECK(numbers == scale::version);
}

TEST_CASE("a backend's name is its word on the command line") {
  CHECK(scale::ref::context::name == std::string("ref"));
}
