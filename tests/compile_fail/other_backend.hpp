// SPDX-License-Identifier: Apache-2.0
#pragma once
// A backend of a user's own, whose memory the host cannot reach and which has no operators.

#include <scale/core/backend.hpp>
#include <scale/core/host_buffer.hpp>

namespace other {

struct context {
  using buffer = scale::host_buffer;
  static constexpr char const* name = "other";
  static constexpr bool host_accessible = false;

  buffer allocate(std::size_t bytes) const { return buffer(bytes); }
};

}  // namespace other
