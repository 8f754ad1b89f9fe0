// SPDX-License-Identifier: Apache-2.0
#pragma once
// How much memory a piece of work takes from operator new at its peak; and how long the processor works on it.

#include <cstddef>
#include <ctime>

namespace testing {

/// Bytes allocated now, and the most there were since `reset_peak`. Of all threads.
std::size_t allocated_now();
std::size_t allocated_peak();
void reset_allocated_peak();

/// The most that `action` had allocated beyond what there was before it.
template <class F>
std::size_t peak_of(F&& action) {
  reset_allocated_peak();
  std::size_t const before = allocated_now();
  action();
  return allocated_peak() - before;
}

/// Processor time, so that other work on the machine does not count.
template <class F>
double seconds_of(F&& action) {
  std::clock_t const begin = std::clock();
  action();
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

}  // namespace testing
