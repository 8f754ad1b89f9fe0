// SPDX-License-Identifier: Apache-2.0
#include "scale/decoding.hpp"

#include <scale/video/decode_worker.hpp>

#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <iostream>
#include <string>
#include <system_error>

namespace scale::program {

namespace {

constexpr int worker_descriptor = 3;
constexpr int socket_bytes = 1 << 21;  // some frames on their way while the next is decoded; the system may give less

/// Kills a child, unless it has ended, and returns how it ended.
int end_child(::pid_t child) {
  ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

video::decode_process start_decode_process() {
  auto const fail = [](char const* what, int code) {
    throw resource_error(std::string("a decoding process cannot be started: ") + what + ": " +
                         std::generic_category().message(code));
  };
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) fail("socketpair", errno);
  ::setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &socket_bytes, sizeof(socket_bytes));
  ::posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_adddup2(&files, pair[1], worker_descriptor);
  char name[] = "scale";
  std::string word(decode_worker_word);
  char* const arguments[] = {name, word.data(), nullptr};
  ::pid_t child = -1;
  int const code = ::posix_spawn(&child, "/proc/self/exe", &files, nullptr, arguments, ::environ);
  ::posix_spawn_file_actions_destroy(&files);
  ::close(pair[1]);
  if (code != 0) {
    ::close(pair[0]);
    fail("/proc/self/exe", code);
  }
  return {pair[0], [child] { return end_child(child); }};
}

}  // namespace

exit_code run_decode_worker() {
  int type = 0;
  ::socklen_t size = sizeof(type);
  if (::getsockopt(worker_descriptor, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
    std::cerr << "scale: " << decode_worker_word << " is for the program itself\n";
    return exit_code::wrong_usage;
  }
  video::decode_worker(worker_descriptor);
  return exit_code::done;
}

video::sandboxed_reader start_sandbox() {
  try {
    return video::sandboxed_reader(start_decode_process);
  } catch (resource_error const& e) {
    throw resource_error(std::string(e.what()) + "; --no-sandbox decodes without, where the videos are trusted");
  }
}

}  // namespace scale::program
