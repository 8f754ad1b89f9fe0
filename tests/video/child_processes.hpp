// SPDX-License-Identifier: Apache-2.0
#pragma once
// Children of a test that serve a socket, as decoding processes or in their place.

#include <scale/video/decode_process.hpp>

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace testing {

/// Runs `work` in a child, which then ends with exit code 0.
template <class Work>
::pid_t fork_child(Work const& work) {
  ::pid_t const child = ::fork();
  REQUIRE(child >= 0);
  if (child > 0) return child;
  for (int const signal : {SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGINT, SIGTERM}) std::signal(signal, SIG_DFL);
  work();
  ::_exit(0);
}

inline int end_child(::pid_t child) {
  ::kill(child, SIGKILL);
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

class child_processes {
 public:
  /// A child that runs work(socket).
  template <class Work>
  scale::video::decode_process start(Work const& work) {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    last_ = fork_child([&] {
      ::close(pair[0]);
      work(pair[1]);
    });
    ::close(pair[1]);
    ++started_;
    return {pair[0], [this, child = last_] {
              ++ended_;
              return end_child(child);
            }};
  }

  int started() const { return started_; }
  int ended() const { return ended_; }
  ::pid_t last() const { return last_; }

 private:
  int started_ = 0, ended_ = 0;
  ::pid_t last_ = -1;
};

/// Whether this process has no child, running or ended.
inline bool has_no_child() { return ::waitpid(-1, nullptr, WNOHANG) == -1; }

}  // namespace testing
