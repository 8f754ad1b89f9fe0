// SPDX-License-Identifier: Apache-2.0
#pragma once
// The list of videos a job works on: where each lies, its label, and every column of the list it came from.

#include <scale/io/file_error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace scale {

inline constexpr std::int32_t no_label = -1;

struct manifest_entry {
  std::filesystem::path file;        // to open
  std::string name;                  // as the list has it, normalised ("a/./b" is "a/b"); unique in a manifest
  std::int32_t label = no_label;     // index into classes
  std::vector<std::string> columns;  // one text per manifest::columns
};

struct manifest {
  std::filesystem::path source;      // the list, folder or video
  std::vector<std::string> columns;  // names; the first is always "path"
  std::vector<std::string> classes;  // by label; "" where a list of numbers skips one; empty where nothing is labelled
  std::vector<manifest_entry> entries;

  std::optional<std::size_t> find_column(std::string_view name) const {
    auto const at = std::find(columns.begin(), columns.end(), name);
    if (at == columns.end()) return std::nullopt;
    return static_cast<std::size_t>(at - columns.begin());
  }
};

/// Whether paths in a list may lead out of its folder: by "..", by being absolute, by symbolic links that are there
/// when the list is read.
enum class outside_paths { refused, allowed };

struct manifest_options {
  std::filesystem::path root = {};  // where relative paths of a list begin; empty: the list's own folder
  outside_paths outside = outside_paths::refused;
};

namespace detail {

inline constexpr std::int32_t max_label = 250'000;

/// Gathers entries; refuses what no list may have. `place` in errors is "FILE" or "FILE: line N".
class manifest_builder {
 public:
  manifest_builder(std::filesystem::path source, manifest_options const& options, std::vector<std::string> columns)
      : options_(options) {
    out_.source = std::move(source);
    out_.columns = std::move(columns);
    root_ = options.root.empty() ? out_.source.parent_path() : options.root;
  }

  void add(std::string const& place, std::string const& path, std::int32_t label, std::vector<std::string> columns) {
    if (path.empty()) refuse_file(place, "the path is empty");
    if (path.find('\0') != std::string::npos) refuse_file(place, "the path holds a zero byte");
    std::filesystem::path const normal = std::filesystem::path(path).lexically_normal();
    bool const leaves = normal.is_absolute() || *normal.begin() == "..";
    if (leaves && options_.outside == outside_paths::refused)
      refuse_file(place, "'" + printable(path) + "' leads out of the folder; allow paths outside, or move the list");
    if (options_.outside == outside_paths::refused && !stays_inside(root_ / normal))
      refuse_file(place, "'" + printable(path) + "' leads out of the folder by a symbolic link; allow paths outside");
    if (normal == "." || normal.filename().empty()) refuse_file(place, "'" + printable(path) + "' is a folder's name");
    std::string name = normal.generic_string();
    if (!seen_.emplace(name, place).second)
      refuse_file(place, "'" + printable(path) + "' occurs twice, first in " + seen_.at(name));
    out_.entries.push_back(
        {normal.is_absolute() ? normal : root_ / normal, std::move(name), label, std::move(columns)});
  }

  void set_classes(std::vector<std::string> classes) { out_.classes = std::move(classes); }

  manifest finish() {
    if (out_.entries.empty()) refuse_file(out_.source, "there is no video in it");
    return std::move(out_);
  }

 private:
  // What cannot be resolved is not there, or cannot be opened: it leads nowhere.
  static std::filesystem::path resolved(std::filesystem::path const& path) {
    std::error_code code;
    std::filesystem::path found = std::filesystem::weakly_canonical(path, code);
    return code ? std::filesystem::path() : found;
  }

  bool is_inside(std::filesystem::path const& resolved_path) const {
    return resolved_path.empty() ||
           std::mismatch(resolved_root_.begin(), resolved_root_.end(), resolved_path.begin(), resolved_path.end())
                   .first == resolved_root_.end();
  }

  // Each folder is resolved once.
  bool stays_inside(std::filesystem::path const& file) {
    if (resolved_root_.empty()) resolved_root_ = resolved(root_.empty() ? "." : root_);
    auto const [folder, is_new] = folders_.try_emplace(file.parent_path().string(), true);
    if (is_new) folder->second = is_inside(resolved(folder->first.empty() ? "." : folder->first));
    std::error_code ignored;
    return folder->second &&
           (!std::filesystem::is_symlink(std::filesystem::symlink_status(file, ignored)) || is_inside(resolved(file)));
  }

  manifest out_;
  manifest_options options_;
  std::filesystem::path root_, resolved_root_;
  std::map<std::string, std::string> seen_;
  std::map<std::string, bool> folders_;  // whether each is inside
};

/// A label that is a number, or nothing.
inline std::optional<std::int32_t> label_number(std::string_view text) {
  if (text.empty() || text.size() > 7) return std::nullopt;
  std::int32_t value = 0;
  for (char const c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value <= max_label ? std::optional(value) : std::nullopt;
}

enum class label_kind { numbers, names };

struct class_ids {
  std::vector<std::int32_t> labels;
  std::vector<std::string> classes;
  label_kind kind = label_kind::numbers;
};

/// Labels as ids: numbers stay what they are where all are numbers; otherwise the names in bytewise order are counted
/// from 0. `texts` has no empty one.
inline class_ids number_labels(std::vector<std::string> const& texts) {
  class_ids out;
  out.labels.reserve(texts.size());
  for (std::string const& text : texts) {
    std::optional<std::int32_t> const number = label_number(text);
    if (!number) break;
    out.labels.push_back(*number);
  }
  if (out.labels.size() == texts.size()) {
    std::int32_t largest = no_label;
    for (std::int32_t const label : out.labels) largest = (std::max)(largest, label);
    out.classes.resize(static_cast<std::size_t>(std::int64_t{largest} + 1));
    for (std::int32_t const label : out.labels) out.classes[static_cast<std::size_t>(label)] = std::to_string(label);
    return out;
  }
  out.kind = label_kind::names;
  out.labels.clear();
  out.classes = texts;
  std::sort(out.classes.begin(), out.classes.end());
  out.classes.erase(std::unique(out.classes.begin(), out.classes.end()), out.classes.end());
  for (std::string const& text : texts) {
    auto const at = std::lower_bound(out.classes.begin(), out.classes.end(), text);
    out.labels.push_back(static_cast<std::int32_t>(at - out.classes.begin()));
  }
  return out;
}

inline std::string line_of(std::filesystem::path const& file, std::size_t line) {
  return file.string() + ": line " + std::to_string(line);
}

}  // namespace detail

}  // namespace scale
