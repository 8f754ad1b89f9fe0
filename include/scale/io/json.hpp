// SPDX-License-Identifier: Apache-2.0
#pragma once
// JSON from files that may be damaged or hostile: bounded in size and depth, every failure an input_error with the
// name.

#include <scale/io/file_error.hpp>
#include <scale/io/mapped_file.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace scale {

inline constexpr int json_max_depth = 64;
inline constexpr std::size_t json_max_bytes = std::size_t{1} << 28;

/// Parses one value; only white space may follow. `file` names it in errors.
inline nlohmann::json parse_json(std::string_view text, std::filesystem::path const& file) {
  if (text.size() > json_max_bytes) refuse_file(file, "JSON text is above 256 MiB");
  if (text.find('\0') != std::string_view::npos) refuse_file(file, "JSON text holds a zero byte");
  auto const guard = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > json_max_depth) refuse_file(file, "JSON is nested more than 64 deep");
    return true;
  };
  try {
    return nlohmann::json::parse(text.begin(), text.end(), guard);
  } catch (nlohmann::json::exception const& e) {
    refuse_file(file, "not valid JSON: " + printable(e.what(), 200));
  }
}

inline nlohmann::json read_json(std::filesystem::path const& file) {
  mapped_file const map(file);
  return parse_json({reinterpret_cast<char const*>(map.bytes().data()), map.size()}, file);
}

/// One line, keys in bytewise order, so that equal values give equal bytes. Numbers that JSON has no word for (NaN,
/// infinity) become null. Throws argument_error for text that is not UTF-8.
inline std::string json_line(nlohmann::json const& value) {
  try {
    return value.dump();
  } catch (nlohmann::json::exception const& e) {
    throw argument_error("json_line: " + printable(e.what(), 200));
  }
}

}  // namespace scale
