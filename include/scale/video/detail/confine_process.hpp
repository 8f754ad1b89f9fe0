// SPDX-License-Identifier: Apache-2.0
#pragma once
// Takes from this process, for good, all that decoding does not need.

#include <scale/video/detail/system_call_filter.hpp>

#include <fcntl.h>
#include <iconv.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <ctime>
#include <fstream>
#include <vector>

namespace scale::video::detail {

/// The step at which confining failed, with errno; no step: it is done.
struct confinement {
  char const* failed = nullptr;
  int error_number = 0;
};

/// Opens the files that decoding opens at most once per process: the time zone, which dates in MP4 files ask for, and
/// the character sets of names in MPEG transport streams. Keeps malloc from others, which it opens where memory runs
/// out.
inline void open_files_of_libraries() {
#if defined(__GLIBC__)
  ::mallopt(M_ARENA_MAX, 1);
#endif
  ::tzset();
  for (char const* const set :
       {"ISO6937",     "ISO-8859-1", "ISO-8859-2", "ISO-8859-3",     "ISO-8859-4",  "ISO-8859-5",  "ISO-8859-6",
        "ISO-8859-7",  "ISO-8859-8", "ISO-8859-9", "ISO-8859-10",    "ISO-8859-11", "ISO-8859-13", "ISO-8859-14",
        "ISO-8859-15", "UTF-16BE",   "UCS-2BE",    "KS_C_5601-1987", "GB2312",      "UTF-8"})
    static_cast<void>(::iconv_open("UTF-8", set));  // never closed: what it loaded stays
}

/// Leaves this process `socket`, which gets another number, as its only descriptor beside three of /dev/null, room for
/// one more, `memory` bytes beyond the address space it has, and the system calls of system_call_filter. It ends with
/// its parent. For a process of one thread.
inline confinement confine_process(int& socket, std::size_t memory) {
  auto const failed = [](char const* step) { return confinement{step, errno}; };
  if (filtered_architecture == 0) return {"a filter of system calls: none is known for this processor", ENOSYS};
  open_files_of_libraries();

  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  if (pages == 0) return failed("reading /proc/self/statm");
  ::rlim_t const space = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + memory;

  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return failed("ending with the parent process");
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return failed("forbidding to trace the process");
  if (std::signal(SIGPIPE, SIG_IGN) == SIG_ERR) return failed("ignoring SIGPIPE");

  constexpr int place = 3, first_of_others = place + 1;
  int const kept = ::fcntl(socket, F_DUPFD_CLOEXEC, first_of_others);
  if (kept < 0) return failed("moving the socket");
  int const null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return failed("opening /dev/null");
  socket = kept;
  for (int n = 0; n < place; ++n)
    if (::dup2(null, n) < 0) return failed("closing the standard streams");
  if (::dup2(kept, place) < 0) return failed("moving the socket");
  socket = place;
  if (::syscall(SYS_close_range, first_of_others, ~0U, 0) != 0) return failed("closing other descriptors");

  auto const limit = [](auto resource, ::rlim_t most) {  // at most what it is already
    ::rlimit now = {};
    if (::getrlimit(resource, &now) != 0) return false;
    most = (std::min)(most, now.rlim_max);
    ::rlimit const both{most, most};
    return ::setrlimit(resource, &both) == 0;
  };
  if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_FSIZE, 0) || !limit(RLIMIT_NOFILE, first_of_others + 1) ||
      !limit(RLIMIT_AS, space))
    return failed("setting limits of resources");

  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("giving up new privileges");
  std::vector<::sock_filter> program = system_call_filter(::getpid());
  ::sock_fprog const filter{static_cast<unsigned short>(program.size()), program.data()};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) != 0)
    return failed("the filter of system calls (seccomp)");
  return {};
}

}  // namespace scale::video::detail
