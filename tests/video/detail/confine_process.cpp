// SPDX-License-Identifier: Apache-2.0
// A confined process, seen from outside: what it may still do, and that everything else ends it.
#include <scale/video/detail/confine_process.hpp>

#include "video/child_processes.hpp"
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

namespace {

namespace detail = scale::video::detail;

constexpr std::size_t memory = std::size_t{256} << 20;
constexpr int survived = 7;

/// How a child ends that is confined and then does `attempt`; exit code `survived` where it goes on.
template <class Attempt>
int status_of(Attempt const& attempt) {
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  ::pid_t const child = testing::fork_child([&] {
    int socket = pair[1];
    if (detail::confine_process(socket, memory).failed != nullptr) ::_exit(1);
    attempt();
    ::_exit(survived);
  });
  int status = -1;
  ::waitpid(child, &status, 0);
  ::close(pair[0]);
  ::close(pair[1]);
  return status;
}

bool is_killed_by_filter(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS; }
bool goes_on(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == survived; }

TEST_CASE("confined process: files, sockets, programs, processes and the like end it") {
  struct attempt {
    std::string what;
    void (*run)();
  };
  static char const* const arguments[] = {"true", nullptr};
  attempt const attempts[] = {
    {"open", [] { ::open("/etc/passwd", O_RDONLY); }},
    {"open for writing", [] { ::open("/tmp/scale-confined", O_WRONLY | O_CREAT, 0600); }},
    {"unlink", [] { ::unlink("/tmp/scale-confined"); }},
    {"socket", [] { ::socket(AF_INET, SOCK_STREAM, 0); }},
    {"socket pair",
     [] {
       int pair[2];
       ::socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
     }},
    {"connect", [] { ::connect(3, nullptr, 0); }},
    {"send a descriptor",
     [] {
       ::msghdr message = {};
       ::sendmsg(3, &message, 0);
     }},
    {"exec", [] { ::execv("/bin/true", const_cast<char* const*>(arguments)); }},
    {"fork", [] { ::fork(); }},
    {"thread", [] { ::syscall(SYS_clone, 0x10f00, nullptr, nullptr, nullptr, nullptr); }},
    {"kill the parent", [] { ::kill(::getppid(), 0); }},
    {"signal another process", [] { ::syscall(SYS_tgkill, 1, 1, 0); }},
    {"trace", [] { ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }},
    {"look into another process", [] { ::syscall(SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0); }},
    {"raise a limit",
     [] {
       ::rlimit limit{};
       ::setrlimit(RLIMIT_NOFILE, &limit);
     }},
    {"prctl", [] { ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }},
    {"ioctl", [] { ::syscall(SYS_ioctl, 0, 0, 0); }},
    {"executable memory", [] { ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }},
    {"shared memory", [] { ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0); }},
    {"memory made executable",
     [] {
       void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
       ::mprotect(page, 4096, PROT_READ | PROT_EXEC);
     }},
#if defined(__x86_64__)
    {"calls of the x32 table", [] { ::syscall(0x40000000L | SYS_getpid); }},
#endif
  };
  for (attempt const& a : attempts) {
    CAPTURE(a.what);
    CHECK(is_killed_by_filter(status_of(a.run)));
  }
  CHECK(::access("/tmp/scale-confined", F_OK) != 0);
}

#if defined(__x86_64__)
TEST_CASE("confined process: calls of 32-bit programs end it, by the filter or because the system has none") {
  int const status = status_of([] {
    int result = 20;  // getpid there; in the table of 64-bit programs writev
    asm volatile("int $0x80" : "+a"(result) : : "memory");
  });
  CHECK(WIFSIGNALED(status));
}
#endif

TEST_CASE("confined process: memory, clocks, errors and reading go on") {
  CHECK(goes_on(status_of([] {
    for (int i = 0; i < 100; ++i) {
      void* volatile const block = std::malloc(std::size_t{1} << (i % 27));
      if (block == nullptr) ::_exit(2);
      std::memset(block, 1, std::size_t{1} << (i % 27));
      std::free(block);
    }
    try {
      throw std::runtime_error(std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
    } catch (std::exception const& e) {
      if (std::strlen(e.what()) == 0) ::_exit(3);
    }
  })));
}

TEST_CASE("confined process: what abort() does is seen as such") {
  int const status = status_of([] { std::abort(); });
  CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT));
}

TEST_CASE("confined process: one descriptor beside the socket and /dev/null, and it may not write files") {
  int const file = ::open("/etc/passwd", O_RDONLY);
  REQUIRE(file > 2);
  int const far = ::fcntl(file, F_DUPFD, 100);
  CHECK(goes_on(status_of([&] {
    char byte = 0;
    for (int n = 4; n < 1024; ++n)
      if (::close(n) == 0) ::_exit(2);
    for (int n = 0; n < 3; ++n)
      if (::read(n, &byte, 1) != 0) ::_exit(3);
    if (::write(3, &byte, 1) != 1) ::_exit(4);
  })));
  ::close(file);
  ::close(far);
}

TEST_CASE("confined process: memory beyond its limit is not given") {
  CHECK(goes_on(status_of([] {
    auto const gives = [](std::size_t bytes) {
      return ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
    };
    if (gives(memory + 1)) ::_exit(2);
    if (!gives(memory / 2)) ::_exit(3);
    if (gives(memory / 2 + 1)) ::_exit(4);
  })));
}

TEST_CASE("confined process: it ends with its parent") {
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
  // Nobody but the grandchild has the other end of the socket then.
  ::pid_t const child = testing::fork_child([&] {
    testing::fork_child([&] {
      int socket = pair[1];
      ::pid_t const self = detail::confine_process(socket, memory).failed == nullptr ? ::getpid() : -1;
      if (::write(socket, &self, sizeof(self)) != sizeof(self)) return;
      while (true) ::sched_yield();
    });
    ::close(pair[1]);
    char byte = 0;
    ::recv(pair[0], &byte, 1, MSG_PEEK);  // until it is confined
  });
  ::close(pair[1]);
  ::waitpid(child, nullptr, 0);
  ::pid_t grandchild = -1;
  REQUIRE(::read(pair[0], &grandchild, sizeof(grandchild)) == sizeof(grandchild));
  REQUIRE(grandchild > 0);
  ::pollfd wait{pair[0], POLLIN, 0};
  int const closed = ::poll(&wait, 1, 30'000);
  CHECK(closed == 1);
  if (closed != 1) ::kill(grandchild, SIGKILL);
  ::close(pair[0]);
}

}  // namespace
