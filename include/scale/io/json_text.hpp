// SPDX-License-Identifier: Apache-2.0
#pragma once
// Texts that need not be UTF-8, such as names of files, in JSON, which must be.

#include <scale/io/file_error.hpp>

#include <nlohmann/json.hpp>

#include <charconv>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace scale {

/// The text with U+FFFD for what is not UTF-8.
inline std::string to_utf8(std::string_view text) {
  std::string const clean = nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return nlohmann::json::parse(clean).get<std::string>();
}

inline bool is_utf8(std::string_view text) { return to_utf8(text) == text; }

/// Sets object[key] to the text as UTF-8 and, only where that loses something, object[key_hex] to its bytes, two
/// hexadecimal digits each. For any kind of nlohmann's JSON.
template <class Json>
void set_exact_text(Json& object, std::string const& key, std::string_view text) {
  std::string const clean = to_utf8(text);
  object[key] = clean;
  if (clean == text) return;
  constexpr char const* digits = "0123456789abcdef";
  std::string hex;
  for (char const c : text) {
    unsigned const byte = static_cast<unsigned char>(c);
    hex += digits[byte >> 4];
    hex += digits[byte & 15u];
  }
  object[key + "_hex"] = hex;
}

/// The text that set_exact_text was given. Throws input_error, naming `file`, where it is missing or damaged.
template <class Json>
std::string exact_text(Json const& object, std::string const& key, std::filesystem::path const& file) {
  auto const text_of = [&](std::string const& name) {
    if (!object.is_object() || !object.contains(name) || !object.at(name).is_string())
      refuse_file(file, "expected a JSON object with the text '" + name + "'");
    return object.at(name).template get<std::string>();
  };
  std::string clean = text_of(key);
  if (!object.contains(key + "_hex")) return clean;
  std::string const hex = text_of(key + "_hex");
  std::string text(hex.size() / 2, '\0');
  bool good = hex.size() % 2 == 0;
  for (std::size_t i = 0; i < text.size() && good; ++i) {
    unsigned byte = 0;
    char const* const first = hex.data() + 2 * i;
    auto const [end, code] = std::from_chars(first, first + 2, byte, 16);
    good = code == std::errc() && end == first + 2;
    text[i] = static_cast<char>(byte);
  }
  if (!good || to_utf8(text) != clean)
    refuse_file(file, "'" + key + "_hex' is not '" + key + "' in hexadecimal: " + printable(hex));
  return text;
}

}  // namespace scale
