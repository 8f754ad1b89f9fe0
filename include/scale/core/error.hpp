// SPDX-License-Identifier: Apache-2.0
#pragma once
// Errors: a small tree of exceptions, and the place in the caller's source that each one names.

#include <stdexcept>
#include <string>
#include <string_view>

namespace scale {

/// A line of source. As a default argument `location::current()` is the line of the caller. `location{}` is no line:
/// for values that a user typed, whose errors no line of source explains.
struct location {
  char const* file = "";
  unsigned line = 0;

  static constexpr location current(char const* file = __builtin_FILE(), unsigned line = __builtin_LINE()) noexcept {
    return {file, line};
  }
};

/// Base of everything this library throws on purpose.
class error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The caller broke a contract: a wrong shape, a value out of range, an option that does not exist.
class argument_error : public error {
 public:
  using error::error;
};

/// A file or stream was refused: damaged, hostile, or of another kind than asked for.
class input_error : public error {
 public:
  using error::error;
};

/// The machine lacks something: memory, disk, a device, a library.
class resource_error : public error {
 public:
  using error::error;
};

/// Work was stopped on request before it was done. Everything saved so far is whole.
class cancelled_error : public error {
 public:
  using error::error;
};

namespace detail {

inline std::string at_line(location at) {
  return at.line == 0 ? std::string() : " (" + std::string(at.file) + ":" + std::to_string(at.line) + ")";
}

}  // namespace detail

/// Throws argument_error: "[op] what: expected X, got Y (file:line)".
[[noreturn]] inline void throw_expected(std::string_view op, std::string_view what, std::string_view expected,
                                        std::string_view got, location at) {
  throw argument_error("[" + std::string(op) + "] " + std::string(what) + ": expected " + std::string(expected) +
                       ", got " + std::string(got) + detail::at_line(at));
}

/// Throws argument_error "[op] text (file:line)" unless `condition` holds.
inline void expect(bool condition, std::string_view op, std::string_view text, location at = location::current()) {
  if (!condition) throw argument_error("[" + std::string(op) + "] " + std::string(text) + detail::at_line(at));
}

}  // namespace scale
