// SPDX-License-Identifier: Apache-2.0
#pragma once
// Stands between the code under test and the system's calls on files: counts and records them, lets one of them fail,
// or kills the process before or after one. system_calls.cpp defines the C library's functions anew for this
// executable.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace testing {

enum class fault {
  none,
  kill_before,  // the call is never made
  kill_after,   // it is made, and the process ends before it learns the result
  fail_once,
  fail_from_here,  // this call and all later ones of the same function
  shorten,         // a write, read: half of the bytes
};

struct fault_plan {
  fault what = fault::none;
  int call = 0;  // counted from 1
  int error = 0;
};

/// One call that succeeded, or a mark that the test itself made.
struct recorded_call {
  enum class kind { open, write, truncate, synchronise, close, rename, unlink, mark } what;
  std::string path = {}, to = {};  // of open and unlink; of rename
  int descriptor = -1;
  std::uint64_t offset = 0;  // of write; the new size of truncate
  std::string data = {};     // of write
};

/// While it lives, this thread's calls are watched. One at a time.
class watched_calls {
 public:
  explicit watched_calls(fault_plan plan = {});
  watched_calls(watched_calls const&) = delete;
  watched_calls& operator=(watched_calls const&) = delete;
  ~watched_calls();

  int count() const;                    // calls so far
  std::string failed_function() const;  // the one that was made to fail; empty where none was
  std::vector<recorded_call> const& log() const;
  void mark();  // adds a mark to the log
};

/// While it lives, the n-th use of operator new (from 1) throws std::bad_alloc; 0: none does.
class failing_memory {
 public:
  explicit failing_memory(int n);
  failing_memory(failing_memory const&) = delete;
  failing_memory& operator=(failing_memory const&) = delete;
  ~failing_memory();

  int count() const;  // uses so far
};

}  // namespace testing
