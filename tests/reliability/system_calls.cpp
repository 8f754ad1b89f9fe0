// SPDX-License-Identifier: Apache-2.0
#include "reliability/system_calls.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace {

using testing::fault;
using testing::recorded_call;

struct watch {
  testing::fault_plan plan;
  int count = 0;
  std::string failed;
  std::vector<recorded_call> log;
};

thread_local watch* watching = nullptr;
thread_local int allocations = 0, failing_allocation = 0;

template <class Function>
Function* original(char const* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

[[noreturn]] void die() {
  ::raise(SIGKILL);
  std::abort();
}

/// Makes one call of the function `name` as the plan has it. `call(halve)` makes it; `record` describes it afterwards.
template <class Call, class Record>
auto through(char const* name, Call const& call, Record const& record) {
  using result = decltype(call(false));
  watch* const w = std::exchange(watching, nullptr);  // what happens in here is not watched
  if (w == nullptr) return call(false);
  bool const chosen = ++w->count == w->plan.call;
  if (chosen) w->failed = name;
  result out{};
  bool const fails = w->failed == name && (chosen ? w->plan.what == fault::fail_once : false);
  bool const goes_on_failing = w->failed == name && w->plan.what == fault::fail_from_here;
  if (chosen && w->plan.what == fault::kill_before) die();
  if (fails || goes_on_failing) {
    if (std::string_view(name) == "close") static_cast<void>(call(false));  // closed it is, whatever it says
    if constexpr (std::is_pointer_v<result>)
      out = reinterpret_cast<result>(-1);  // MAP_FAILED
    else
      out = static_cast<result>(-1);
    watching = w;
    errno = w->plan.error;
    return out;
  }
  out = call(chosen && w->plan.what == fault::shorten);
  int const code = errno;
  if (chosen && w->plan.what == fault::kill_after) die();
  if constexpr (std::is_pointer_v<result>) {
    static_cast<void>(record);
  } else if (out >= 0) {
    if (recorded_call one; record(one, out)) w->log.push_back(std::move(one));
  }
  watching = w;
  errno = code;
  return out;
}

constexpr auto no_record = [](recorded_call&, auto) { return false; };

int open_through(char const* name, char const* path, int flags, ::mode_t mode) {
  return through(
      name, [&](bool) { return original<int(char const*, int, ...)>(name)(path, flags, mode); },
      [&](recorded_call& c, int descriptor) {
        c.what = recorded_call::kind::open;
        c.path = path;
        c.descriptor = descriptor;
        return true;
      });
}

::ssize_t write_through(char const* name, int descriptor, void const* data, std::size_t size, ::off_t offset) {
  return through(
      name,
      [&](bool halve) {
        return original<::ssize_t(int, void const*, std::size_t, ::off_t)>(name)(descriptor, data,
                                                                                 halve ? (size + 1) / 2 : size, offset);
      },
      [&](recorded_call& c, ::ssize_t written) {
        c.what = recorded_call::kind::write;
        c.descriptor = descriptor;
        c.offset = static_cast<std::uint64_t>(offset);
        c.data.assign(static_cast<char const*>(data), static_cast<std::size_t>(written));
        return true;
      });
}

int on_descriptor(char const* name, int descriptor, recorded_call::kind kind) {
  return through(
      name, [&](bool) { return original<int(int)>(name)(descriptor); },
      [&](recorded_call& c, int) {
        c.what = kind;
        c.descriptor = descriptor;
        return true;
      });
}

int unlink_through(char const* name, char const* path) {
  return through(
      name, [&](bool) { return original<int(char const*)>(name)(path); },
      [&](recorded_call& c, int) {
        c.what = recorded_call::kind::unlink;
        c.path = path;
        return true;
      });
}

}  // namespace

namespace testing {

watched_calls::watched_calls(fault_plan plan) {
  static watch one;
  one = watch();
  one.plan = plan;
  watching = &one;
}
watched_calls::~watched_calls() { watching = nullptr; }

namespace {
watch& current() {
  if (watching == nullptr) std::abort();
  return *watching;
}
}  // namespace

int watched_calls::count() const { return current().count; }
std::string watched_calls::failed_function() const { return current().failed; }
std::vector<recorded_call> const& watched_calls::log() const { return current().log; }
void watched_calls::mark() { current().log.push_back({recorded_call::kind::mark}); }

failing_memory::failing_memory(int n) {
  allocations = 0;
  failing_allocation = n == 0 ? -1 : n;
}
failing_memory::~failing_memory() { failing_allocation = 0; }
int failing_memory::count() const { return allocations; }

}  // namespace testing

void* operator new(std::size_t size) {
  if (failing_allocation != 0 && ++allocations == failing_allocation) throw std::bad_alloc();
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new[](std::size_t size) { return operator new(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

// The C library's own declarations carry attributes that differ between its versions; these have the same meaning.
extern "C" {

int open(char const* path, int flags, ...) {
  ::va_list rest;
  va_start(rest, flags);
  ::mode_t const mode = (flags & O_CREAT) != 0 ? va_arg(rest, ::mode_t) : 0;
  va_end(rest);
  return open_through("open", path, flags, mode);
}

::ssize_t pwrite(int descriptor, void const* data, std::size_t size, ::off_t offset) {
  return write_through("pwrite", descriptor, data, size, offset);
}

::ssize_t pread(int descriptor, void* data, std::size_t size, ::off_t offset) {
  return through(
      "pread",
      [&](bool halve) {
        return original<::ssize_t(int, void*, std::size_t, ::off_t)>("pread")(descriptor, data,
                                                                              halve ? (size + 1) / 2 : size, offset);
      },
      no_record);
}

::ssize_t write(int descriptor, void const* data, std::size_t size) {
  return through(
      "write",
      [&](bool halve) {
        return original<::ssize_t(int, void const*, std::size_t)>("write")(descriptor, data,
                                                                           halve ? (size + 1) / 2 : size);
      },
      no_record);
}

int fsync(int descriptor) { return on_descriptor("fsync", descriptor, recorded_call::kind::synchronise); }
int fdatasync(int descriptor) { return on_descriptor("fdatasync", descriptor, recorded_call::kind::synchronise); }
int close(int descriptor) { return on_descriptor("close", descriptor, recorded_call::kind::close); }

int ftruncate(int descriptor, ::off_t size) noexcept {
  return through(
      "ftruncate", [&](bool) { return original<int(int, ::off_t)>("ftruncate")(descriptor, size); },
      [&](recorded_call& c, int) {
        c.what = recorded_call::kind::truncate;
        c.descriptor = descriptor;
        c.offset = static_cast<std::uint64_t>(size);
        return true;
      });
}

int rename(char const* from, char const* to) noexcept {
  return through(
      "rename", [&](bool) { return original<int(char const*, char const*)>("rename")(from, to); },
      [&](recorded_call& c, int) {
        c.what = recorded_call::kind::rename;
        c.path = from;
        c.to = to;
        return true;
      });
}

int unlink(char const* path) noexcept { return unlink_through("unlink", path); }
int remove(char const* path) noexcept { return unlink_through("remove", path); }

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"  // <fcntl.h> has a struct of the same name
int flock(int descriptor, int operation) noexcept {
  return through(
      "flock", [&](bool) { return original<int(int, int)>("flock")(descriptor, operation); }, no_record);
}
#pragma GCC diagnostic pop

int fstat(int descriptor, struct ::stat* facts) noexcept {
  return through(
      "fstat", [&](bool) { return original<int(int, struct ::stat*)>("fstat")(descriptor, facts); }, no_record);
}

void* mmap(void* address, std::size_t size, int protection, int flags, int descriptor, ::off_t offset) noexcept {
  return through(
      "mmap",
      [&](bool) {
        return original<void*(void*, std::size_t, int, int, int, ::off_t)>("mmap")(address, size, protection, flags,
                                                                                   descriptor, offset);
      },
      no_record);
}

}  // extern "C"
