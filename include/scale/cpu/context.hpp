// SPDX-License-Identifier: Apache-2.0
#pragma once
// The CPU backend's context: how many threads its operators may use.

#include <scale/core/backend.hpp>
#include <scale/core/error.hpp>
#include <scale/core/host_buffer.hpp>

namespace scale::cpu {

/// A cheap, copyable handle. Operators run to completion before they return; each uses at most `threads()` threads
/// of OpenMP's pool for the calling thread. Contexts on different threads do not disturb each other.
class context {
 public:
  using buffer = host_buffer;
  static constexpr char const* name = "cpu";
  static constexpr bool host_accessible = true;

  explicit context(int threads = 1, location at = location::current()) : threads_(threads) {
    if (threads < 1) throw_expected("cpu::context", "threads", "at least 1", std::to_string(threads), at);
  }

  int threads() const noexcept { return threads_; }
  buffer allocate(std::size_t bytes) const { return host_buffer(bytes); }

 private:
  int threads_;
};

}  // namespace scale::cpu
