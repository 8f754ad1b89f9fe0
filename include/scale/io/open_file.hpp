// SPDX-License-Identifier: Apache-2.0
#pragma once
// Opening and locking a file by its descriptor, whatever signals come in between.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/types.h>

#include <cerrno>

namespace scale::detail {

/// Locks a file for this process until its descriptor is closed. False where another holds it; where the file system
/// has no locks, false too.
inline bool try_lock(int descriptor) noexcept {
  int state = 0;
  do state = ::flock(descriptor, LOCK_EX | LOCK_NB);
  while (state != 0 && errno == EINTR);
  return state == 0;
}

/// Opens with `flags`; calls interrupted by a signal are repeated. -1 and errno where it fails.
inline int open_file(char const* path, int flags, ::mode_t mode = 0) noexcept {
  int descriptor = -1;
  do descriptor = ::open(path, flags | O_CLOEXEC, mode);
  while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

}  // namespace scale::detail
