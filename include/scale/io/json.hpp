// SPDX-License-Identifier: Apache-2.0
#pragma once
// JSON from files that may be damaged or hostile: bounded in size and depth, every failure an input_error with the
// name.

#include <scale/io/detail/json_bounds.hpp>
#include <scale/io/file_error.hpp>
#include <scale/io/mapped_file.hpp>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace scale {

namespace detail {

inline nlohmann::json parse_json(std::string_view text, std::filesystem::path const& file, char const* streamed,
                                 nlohmann::json::parser_callback_t const& callback) {
  if (text.size() > json_max_bytes) refuse_file(file, "JSON text is above 256 MiB");
  if (text.find('\0') != std::string_view::npos) refuse_file(file, "JSON text holds a zero byte");
  json_bounds(text, file, streamed).check();
  try {
    return nlohmann::json::parse(text.begin(), text.end(), callback);
  } catch (nlohmann::json::exception const& e) {
    refuse_file(file, "not valid JSON: " + printable(e.what(), 200));
  }
}

}  // namespace detail

/// Parses one value; only white space may follow. `file` names it in errors. Takes at most the text's size and 16 MiB of
/// memory: a text whose values would take more is refused before they are made, as are texts above 256 MiB, single texts
/// or numbers in it above 256 KiB, and what is nested more than 64 deep.
inline nlohmann::json parse_json(std::string_view text, std::filesystem::path const& file) {
  return detail::parse_json(text, file, nullptr, nullptr);
}

/// The same for a document with a long list of objects or lists, the value of `key` in the outermost object, or, where
/// `key` is empty, the document itself: each(element) is called for every element in order, and only other values are
/// kept, with an empty list in that place. The list may hold nothing else. What `each` throws passes.
template <class Each>
nlohmann::json parse_json_list(std::string_view text, std::filesystem::path const& file, char const* key, Each&& each) {
  int const depth = *key == '\0' ? 1 : 2;
  bool within = depth == 1;
  return detail::parse_json(text, file, key, [&](int at, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    using kind = nlohmann::json::parse_event_t;
    if (depth == 2 && at == 1 && event == kind::key) within = value == key;
    bool const ends = event == kind::object_end || event == kind::array_end;
    if (!within || at != depth || event == kind::object_start || event == kind::array_start) return true;
    if (event == kind::value)
      refuse_file(file, "expected a list of objects or lists, found " + printable(value.dump(), 40));
    if (ends) each(std::as_const(value));
    return !ends;
  });
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
