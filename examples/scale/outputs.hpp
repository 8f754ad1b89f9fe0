// SPDX-License-Identifier: Apache-2.0
#pragma once
// Outputs of sub-commands: a user's other files are never replaced, and failures are listed.

#include <scale/data/store_format.hpp>
#include <scale/io/atomic_file.hpp>
#include <scale/io/file_error.hpp>
#include <scale/io/json_lines.hpp>
#include <scale/io/json_text.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <system_error>

namespace scale::program {

/// The first bytes of a file, at most `count`. Throws input_error where no regular file can be read.
inline std::string first_bytes(std::filesystem::path const& path, std::size_t count) {
  std::error_code code;
  std::filesystem::file_status const status = std::filesystem::status(path, code);
  if (!std::filesystem::exists(status)) refuse_file(path, "cannot be opened: " + code.message());
  if (std::filesystem::is_directory(status)) refuse_file(path, "expected a file, found a folder; name the files in it");
  if (!std::filesystem::is_regular_file(status)) refuse_file(path, "expected a file, found a device, pipe or socket");
  std::ifstream in(path, std::ios::binary);
  std::string bytes(count, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(count));
  if (!in.is_open() || in.bad()) refuse_file(path, "cannot be read");
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  return bytes;
}

inline bool is_npy(std::filesystem::path const& path) { return first_bytes(path, 6) == "\x93NUMPY"; }

inline bool is_json_lines(std::filesystem::path const& path) {
  try {
    for_each_json_line(path, [](nlohmann::json const&) {});
    return true;
  } catch (input_error const&) {
    return false;
  }
}

/// Throws argument_error where `out` is the input by any name, or exists and is_kind(out) is not true.
template <class F>
void expect_output(std::filesystem::path const& out, std::filesystem::path const& input, std::string const& kind,
                   F const& is_kind) {
  std::error_code ignored;  // what cannot be examined is no reason to refuse: writing it says why it cannot be
  if (std::filesystem::equivalent(out, input, ignored))
    throw argument_error("--out: " + out.string() + " is the input, " + input.string() + "; give another path");
  if (std::filesystem::exists(out, ignored) && !is_kind(out))
    throw argument_error("--out: " + out.string() + " exists and is no " + kind +
                         "; give another path, or remove it first");
}

/// Failures as a list of objects, the video's name under `name_key`.
inline nlohmann::ordered_json failures_json(std::span<store_failure const> failures, std::string const& name_key) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (store_failure const& failure : failures) {
    nlohmann::ordered_json entry;
    set_exact_text(entry, name_key, failure.name);
    entry["index"] = failure.index;
    entry["reason"] = to_utf8(failure.reason);
    out.push_back(entry);
  }
  return out;
}

inline std::filesystem::path failures_path(std::filesystem::path store) { return store += ".failures.jsonl"; }

/// Writes the list of a store's failures beside it; where there are none, no list stays there.
inline void write_failures(std::filesystem::path const& store, std::span<store_failure const> failures) {
  std::filesystem::path const path = failures_path(store);
  if (failures.empty()) {
    std::filesystem::remove(path);
    return;
  }
  atomic_file file(path);
  for (nlohmann::ordered_json const& line : failures_json(failures, "path")) file.write(line.dump() + "\n");
  file.commit();
}

}  // namespace scale::program
