// SPDX-License-Identifier: Apache-2.0
#pragma once
// The system calls that a confined decoder may make, as a program for the kernel's filter (seccomp). Whatever is not
// named here ends the process.

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace scale::video::detail {

#if (defined(__x86_64__) && defined(__LP64__)) || (defined(__aarch64__) && defined(__AARCH64EL__))

#if defined(__x86_64__)
inline constexpr std::uint32_t filtered_architecture = AUDIT_ARCH_X86_64;
#else
inline constexpr std::uint32_t filtered_architecture = AUDIT_ARCH_AARCH64;
#endif

/// What reading from descriptors that are open, taking memory and ending need; with any arguments. sigaltstack is the
/// sanitizers': it touches this process alone.
inline constexpr long allowed_system_calls[] = {
    SYS_read,          SYS_write,        SYS_pread64,        SYS_recvmsg,         SYS_close,
    SYS_brk,           SYS_munmap,       SYS_mremap,         SYS_madvise,         SYS_futex,
    SYS_clock_gettime, SYS_gettimeofday, SYS_rt_sigprocmask, SYS_getpid,          SYS_gettid,
    SYS_getrandom,     SYS_sigaltstack,  SYS_sched_yield,    SYS_restart_syscall, SYS_exit,
    SYS_exit_group};

/// The filter for the process `self`. Beyond the calls above it allows private memory that is not executable, and
/// signals of the process to itself, with which abort() ends.
inline std::vector<::sock_filter> system_call_filter(::pid_t self) {
  std::vector<::sock_filter> program;
  auto const add = [&](int code, std::size_t k, int if_true = 0, int if_false = 0) {
    program.push_back({static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(if_true),
                       static_cast<std::uint8_t>(if_false), static_cast<std::uint32_t>(k)});
  };
  auto const load = [&](std::size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, offset); };
  // Of an argument the lower half, on these little-endian machines.
  auto const load_argument = [&](std::size_t n) { load(offsetof(::seccomp_data, args) + 8 * n); };
  auto const allow = [&] { add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW); };
  auto const kill = [&] { add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS); };
  auto const skip_unless_equal = [&](std::size_t value, int skipped) {
    add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skipped);
  };
  auto const number = [](long call) { return static_cast<std::size_t>(call); };

  load(offsetof(::seccomp_data, arch));  // other tables of calls, of 32-bit programs, have other numbers
  add(BPF_JMP | BPF_JEQ | BPF_K, filtered_architecture, 1, 0);
  kill();
  load(offsetof(::seccomp_data, nr));
  for (long const call : allowed_system_calls) {
    skip_unless_equal(number(call), 1);
    allow();
  }
  skip_unless_equal(number(SYS_mmap), 7);
  load_argument(2);
  add(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 3, 0);
  load_argument(3);
  add(BPF_ALU | BPF_AND | BPF_K, 0xf);  // the bits that say how a mapping is shared
  add(BPF_JMP | BPF_JEQ | BPF_K, MAP_PRIVATE, 1, 0);
  kill();
  allow();
  skip_unless_equal(number(SYS_mprotect), 4);
  load_argument(2);
  add(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1);
  kill();
  allow();
  skip_unless_equal(number(SYS_tgkill), 3);
  load_argument(0);
  skip_unless_equal(number(self), 1);
  allow();
  kill();
  return program;
}

#else

inline constexpr std::uint32_t filtered_architecture = 0;  // no filter is known
inline std::vector<::sock_filter> system_call_filter(::pid_t) { return {}; }

#endif

}  // namespace scale::video::detail
