// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a user names as INPUT, whatever it is, as a manifest: a video, a folder of videos, or a list.

#include <scale/data/manifest.hpp>
#include <scale/data/manifest_csv.hpp>
#include <scale/data/manifest_lists.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace scale {

/// Whether a file's name ends as videos do, in any case of letters.
inline bool has_video_extension(std::filesystem::path const& file) {
  static constexpr std::array<std::string_view, 31> known = {
      ".mp4", ".avi", ".mkv",  ".webm", ".mov",  ".m4v",   ".mpg", ".mpeg", ".wmv", ".flv", ".3gp",
      ".ts",  ".mts", ".m2ts", ".ogv",  ".ogg",  ".vob",   ".asf", ".divx", ".y4m", ".nut", ".mxf",
      ".ivf", ".rm",  ".h264", ".264",  ".hevc", ".mjpeg", ".m2v", ".gif",  ".dv"};
  std::string extension = file.extension().string();
  for (char& c : extension)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return std::find(known.begin(), known.end(), extension) != known.end();
}

namespace detail {

/// The folder that each name lies in, where all lie in one folder each, none deeper, and in two or more of these; else
/// nothing.
inline std::vector<std::string> class_folders(std::vector<std::string> const& names) {
  std::vector<std::string> folders;
  for (std::string const& name : names) {
    std::size_t const slash = name.find('/');
    if (slash == std::string::npos || name.find('/', slash + 1) != std::string::npos) return {};
    folders.push_back(name.substr(0, slash));
  }
  bool const several = std::any_of(folders.begin(), folders.end(), [&](auto const& f) { return f != folders.front(); });
  return several ? folders : std::vector<std::string>();
}

}  // namespace detail

/// All videos under a folder, by extension, in bytewise order of their relative paths. Where the folder holds folders
/// with videos and nothing deeper, these are the classes, in bytewise order; else the videos are unlabelled. Names that
/// begin with a dot are left out, links to folders are not followed.
inline manifest scan_folder(std::filesystem::path const& folder, manifest_options const& options = {}) {
  std::error_code code;
  std::vector<std::string> names;
  std::filesystem::recursive_directory_iterator it(folder, code), end;
  for (; !code && it != end; it.increment(code)) {
    bool const hidden = it->path().filename().string().front() == '.';
    if (hidden && it->is_directory()) it.disable_recursion_pending();
    if (!hidden && it->is_regular_file() && has_video_extension(it->path()))
      names.push_back(it->path().lexically_relative(folder).generic_string());
  }
  if (code) refuse_file(folder, "the folder cannot be read: " + code.message());
  if (names.empty()) refuse_file(folder, "no file under this folder has the extension of a video");
  std::sort(names.begin(), names.end());
  manifest_options rooted = options;
  rooted.root = folder;
  rooted.outside = outside_paths::allowed;  // its names are those of its own files
  std::vector<std::string> const folders = detail::class_folders(names);
  if (folders.empty()) {
    detail::manifest_builder builder(folder, rooted, {"path"});
    for (std::string const& name : names) builder.add(folder.string(), name, no_label, {name});
    return builder.finish();
  }
  std::vector<std::string> classes;
  detail::manifest_builder builder(folder, rooted, {"path", "label_name"});
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (classes.empty() || classes.back() != folders[i]) classes.push_back(folders[i]);
    builder.add(folder.string(), names[i], static_cast<std::int32_t>(classes.size()) - 1, {names[i], folders[i]});
  }
  builder.set_classes(std::move(classes));
  return builder.finish();
}

namespace detail {

inline bool starts_with_any(std::string_view text, std::string_view a, std::string_view b) {
  return text.substr(0, a.size()) == a || text.substr(0, b.size()) == b;
}

/// n of "<class>_test_split<n>.txt", 0 for another name.
inline int hmdb51_split(std::string_view name) {
  std::size_t const at = name.rfind("_test_split");
  if (at == std::string_view::npos || at == 0 || name.size() != at + 16 || name.substr(at + 12) != ".txt") return 0;
  char const digit = name[at + 11];
  return digit >= '1' && digit <= '9' ? digit - '0' : 0;
}

inline manifest open_csv(std::filesystem::path const& input, manifest_options const& options) {
  mapped_file const file(input);
  std::string_view text(reinterpret_cast<char const*>(file.bytes().data()), file.size());
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  std::string_view const first = text.substr(0, (std::min)(text.find_first_of("\r\n"), text.size()));
  std::string const padded = "," + std::string(first) + ",";
  auto const has = [&](std::string_view name) {
    return padded.find("," + std::string(name) + ",") != std::string::npos ||
           padded.find(",\"" + std::string(name) + "\",") != std::string::npos;
  };
  if (!has("path") && has("youtube_id")) return read_kinetics_manifest(input, options);
  std::string const stem = input.stem().string();
  if (!has("path") && stem.size() > 5 && stem.substr(stem.size() - 5) == "_meta")
    return read_kinetics_meta_manifest(input, options);
  if (!has("path") && first.find(',') == std::string_view::npos && first.find(' ') != std::string_view::npos)
    return read_path_label_manifest(input, options);
  return read_csv_manifest(input, options);
}

}  // namespace detail

/// Decides by what `input` is: a folder is scanned; `.csv` is a list with header, or one of Kinetics', or `path label`
/// lines; `.json` Something-Something v2; `trainlist*.txt`, `testlist*.txt` UCF101; `*_test_split<n>.txt` HMDB51, all
/// classes; other `.txt` and `.list` `path label` lines; anything else that is named like a video, that video. Throws
/// input_error for all other input, and where a list has no video, a video twice, or a path that is not allowed.
inline manifest open_manifest(std::filesystem::path const& input, manifest_options const& options = {}) {
  std::error_code code;
  std::filesystem::file_status const status = std::filesystem::status(input, code);
  if (!std::filesystem::exists(status)) refuse_file(input, "expected a video, a folder or a list, found nothing there");
  if (std::filesystem::is_directory(status)) return scan_folder(input, options);
  std::string const name = input.filename().string(), extension = input.extension().string();
  if (extension == ".csv") return detail::open_csv(input, options);
  if (extension == ".json") return read_ssv2_manifest(input, options);
  if (extension == ".txt" || extension == ".list") {
    if (detail::starts_with_any(name, "trainlist", "testlist")) return read_ucf101_manifest(input, options);
    if (int const split = detail::hmdb51_split(name); split != 0) {
      std::filesystem::path const folder = input.parent_path();
      return read_hmdb51_manifest(folder.empty() ? "." : folder, split, options);
    }
    return read_path_label_manifest(input, options);
  }
  if (!has_video_extension(input))
    refuse_file(input, "expected a video, a folder, or a list (.csv, .txt, .list, .json); the extension tells");
  detail::manifest_builder builder(input, {input.parent_path(), outside_paths::allowed}, {"path"});
  builder.add(input.string(), name, no_label, {name});
  return builder.finish();
}

}  // namespace scale
