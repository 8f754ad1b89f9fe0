// SPDX-License-Identifier: Apache-2.0
#pragma once
// The text of the exception that a call throws, for tests of error messages.

#include <exception>
#include <string>
#include <string_view>

namespace testing {

/// what() of the exception of type Error (or derived) that `call` throws; a text that says so where it throws none or
/// another.
template <class Error, class Call>
std::string thrown(Call const& call) {
  try {
    call();
  } catch (Error const& error) {
    return error.what();
  } catch (std::exception const& error) {
    return std::string("<another exception: ") + error.what() + ">";
  }
  return "<no exception>";
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// "file:line", as errors name the caller's line.
inline std::string here(char const* file, unsigned line) { return std::string(file) + ":" + std::to_string(line); }

}  // namespace testing
