// SPDX-License-Identifier: Apache-2.0
#pragma once
// Calls on files that a signal may interrupt.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/types.h>

#include <cerrno>

namespace scale::detail {

/// Calls again as long as a signal interrupts. -1 and errno where it fails.
template <class Call>
int repeat_interrupted(Call const& call) noexcept {
  int result = 0;
  do result = call();
  while (result < 0 && errno == EINTR);
  return result;
}

/// Locks a file for this process until its descriptor is closed. False where another holds it; where the file system
/// has no locks, false too.
inline bool try_lock(int descriptor) noexcept {
  return repeat_interrupted([=] { return ::flock(descriptor, LOCK_EX | LOCK_NB); }) == 0;
}

/// Opens with `flags`. -1 and errno where it fails.
inline int open_file(char const* path, int flags, ::mode_t mode = 0) noexcept {
  return repeat_interrupted([=] { return ::open(path, flags | O_CLOEXEC, mode); });
}

}  // namespace scale::detail
