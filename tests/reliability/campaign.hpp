// SPDX-License-Identifier: Apache-2.0
#pragma once
// How much of a test that could go on for ever is done: a little among the tests, more where the environment says so.

#include <charconv>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

namespace testing {

/// The whole number in the environment's variable `name`; `usual` where it is not set. Anything else fails the test.
inline int campaign_size(char const* name, int usual) {
  char const* const text = std::getenv(name);
  if (text == nullptr) return usual;
  std::string_view const digits = text;
  int value = 0;
  auto const [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (code != std::errc() || end != digits.data() + digits.size() || value < 0)
    throw std::runtime_error(std::string(name) + ": expected a whole number, found '" + text + "'");
  return value;
}

}  // namespace testing
