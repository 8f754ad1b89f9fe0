// SPDX-License-Identifier: Apache-2.0
#pragma once
// The reference backend: every operator in plain loops, any floating type, one thread. The oracle of all tests.

#include <scale/core/backend.hpp>
#include <scale/core/host_buffer.hpp>

namespace scale::ref {

/// Stateless. Operators found beside it run to completion before they return.
struct context {
  using buffer = host_buffer;
  static constexpr char const* name = "ref";
  static constexpr bool host_accessible = true;

  buffer allocate(std::size_t bytes) const { return host_buffer(bytes); }
};

}  // namespace scale::ref
