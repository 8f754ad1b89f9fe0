// SPDX-License-Identifier: Apache-2.0
#pragma once
// What lies beside the tensors in a file of weights: epoch numbers, options, texts.

#include <cstdint>
#include <string>
#include <variant>

namespace scale {

/// A whole number above 64 bits, in decimal.
struct large_integer {
  std::string digits;

  bool operator==(large_integer const&) const = default;
};

/// A value that is not read, and what it is: "Namespace", "set", "bytes", "numpy array".
struct opaque_value {
  std::string what;

  bool operator==(opaque_value const&) const = default;
};

/// monostate is Python's None. Texts are UTF-8, with U+FFFD for what a file had otherwise.
using weight_value = std::variant<std::monostate, bool, std::int64_t, large_integer, double, std::string, opaque_value>;

struct named_value {
  std::string path;  // keys and places from the file's top, joined by '/'
  weight_value value;
};

}  // namespace scale
