// SPDX-License-Identifier: Apache-2.0
#pragma once
// A decoding process as the application that started it hands it over.

#include <sys/wait.h>

#include <csignal>
#include <functional>
#include <string>

namespace scale::video {

/// A process that calls decode_worker. `end` kills it if it is still there, waits for its end and returns what waitpid
/// said of it; it is called once and does not throw. The socket is closed before.
struct decode_process {
  int socket = -1;  // the application's end of the pair
  std::function<int()> end;
};

/// "was ended by signal 31 (a system call that is not allowed)": how a process ended, as waitpid says it.
inline std::string end_text(int status) {
  if (!WIFSIGNALED(status)) return "ended by itself, with exit code " + std::to_string(WEXITSTATUS(status));
  int const signal = WTERMSIG(status);
  char const* meaning = "";
  switch (signal) {
    case SIGSYS: meaning = " (a system call that is not allowed)"; break;
    case SIGSEGV:
    case SIGBUS: meaning = " (it touched memory that is not its own)"; break;
    case SIGABRT: meaning = " (it found itself in a state that should not be)"; break;
    case SIGILL:
    case SIGFPE: meaning = " (an operation that cannot be)"; break;
    case SIGKILL: meaning = " (killed from outside, for want of memory perhaps)"; break;
    default: break;
  }
  return "was ended by signal " + std::to_string(signal) + meaning;
}

}  // namespace scale::video
