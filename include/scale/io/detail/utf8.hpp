// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether bytes are UTF-8, in one pass and without memory, for texts of any size.

#include <cstddef>
#include <string_view>

namespace scale::detail {

enum class surrogates {
  refused,  // strict UTF-8
  allowed,  // as Python writes them into pickles, for names of files that are not UTF-8
};

/// Overlong forms and code points above U+10FFFF are refused.
constexpr bool is_valid_utf8(std::string_view text, surrogates lone = surrogates::refused) noexcept {
  std::size_t i = 0;
  auto const byte = [&](std::size_t at) { return static_cast<unsigned>(static_cast<unsigned char>(text[at])); };
  auto const follows = [&](std::size_t at) { return at < text.size() && (byte(at) & 0xc0u) == 0x80u; };
  while (i < text.size()) {
    unsigned const first = byte(i);
    if (first < 0x80u) {
      ++i;
    } else if (first >= 0xc2u && first < 0xe0u) {
      if (!follows(i + 1)) return false;
      i += 2;
    } else if (first >= 0xe0u && first < 0xf0u) {
      if (!follows(i + 1) || !follows(i + 2)) return false;
      if (first == 0xe0u && byte(i + 1) < 0xa0u) return false;
      if (first == 0xedu && byte(i + 1) >= 0xa0u && lone == surrogates::refused) return false;
      i += 3;
    } else if (first >= 0xf0u && first < 0xf5u) {
      if (!follows(i + 1) || !follows(i + 2) || !follows(i + 3)) return false;
      if (first == 0xf0u && byte(i + 1) < 0x90u) return false;
      if (first == 0xf4u && byte(i + 1) >= 0x90u) return false;
      i += 4;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace scale::detail
