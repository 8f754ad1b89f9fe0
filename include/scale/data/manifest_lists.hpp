// SPDX-License-Identifier: Apache-2.0
#pragma once
// The data sets' own lists: UCF101, HMDB51, Something-Something v2, and plain `path label` lines.

#include <scale/data/manifest.hpp>
#include <scale/io/json.hpp>
#include <scale/io/mapped_file.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scale {

namespace detail {

struct text_line {
  std::size_t number;
  std::string text;
};

/// Lines without their ends (LF or CRLF); empty ones are left out.
inline std::vector<text_line> read_lines(std::filesystem::path const& file) {
  mapped_file const map(file);
  std::string_view text(reinterpret_cast<char const*>(map.bytes().data()), map.size());
  if (text.find('\0') != std::string_view::npos) refuse_file(file, "it holds a zero byte: this is not a list");
  std::vector<text_line> lines;
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::size_t const end = (std::min)(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix((std::min)(end + 1, text.size()));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    if (!line.empty()) lines.push_back({number, std::string(line)});
  }
  return lines;
}

}  // namespace detail

/// `path label`, split at the last blank, tab, comma or "::"; the label a number from 0, or a name.
inline manifest read_path_label_manifest(std::filesystem::path const& file, manifest_options const& options = {}) {
  std::vector<detail::text_line> const lines = detail::read_lines(file);
  std::vector<std::string> paths, texts;
  for (detail::text_line const& line : lines) {
    std::size_t cut = line.text.rfind("::"), width = 2;
    if (cut == std::string::npos) cut = line.text.find_last_of(" \t"), width = 1;
    if (cut == std::string::npos) cut = line.text.rfind(','), width = 1;
    if (cut == std::string::npos || cut == 0)
      refuse_file(detail::line_of(file, line.number), "expected a path, a blank and a label");
    texts.push_back(line.text.substr(cut + width));
    if (texts.back().empty()) refuse_file(detail::line_of(file, line.number), "the label is empty");
    std::size_t const path_end = line.text.find_last_not_of(" \t", cut - 1);
    paths.push_back(path_end == std::string::npos ? std::string() : line.text.substr(0, path_end + 1));
  }
  detail::class_ids ids = detail::number_labels(texts);
  detail::manifest_builder builder(file, options, {"path", "label"});
  for (std::size_t i = 0; i < lines.size(); ++i)
    builder.add(detail::line_of(file, lines[i].number), paths[i], ids.labels[i], {paths[i], texts[i]});
  builder.set_classes(std::move(ids.classes));
  return builder.finish();
}

/// UCF101's trainlist0n.txt ("Class/v_X.avi 1") or testlist0n.txt ("Class/v_X.avi"), with classInd.txt ("1 Class") in
/// the same folder. Labels are classInd's numbers less 1; the class is the path's folder.
inline manifest read_ucf101_manifest(std::filesystem::path const& file, manifest_options const& options = {}) {
  std::filesystem::path const index = file.parent_path() / "classInd.txt";
  std::map<std::string, std::int32_t> ids;
  std::vector<std::string> classes;
  for (detail::text_line const& line : detail::read_lines(index)) {
    std::size_t const blank = line.text.find(' ');
    std::optional<std::int32_t> const number =
        detail::label_number(line.text.substr(0, (std::min)(blank, line.text.size())));
    if (blank == std::string::npos || !number || static_cast<std::size_t>(*number) != classes.size() + 1)
      refuse_file(detail::line_of(index, line.number), "expected '" + std::to_string(classes.size() + 1) +
                                                           " ClassName', found '" + printable(line.text) + "'");
    classes.push_back(line.text.substr(blank + 1));
    if (!ids.emplace(classes.back(), *number - 1).second)
      refuse_file(detail::line_of(index, line.number), "the class occurs twice");
  }
  std::string const split = file.stem().string().substr(0, 5) == "train" ? "train" : "test";
  detail::manifest_builder builder(file, options, {"path", "label_name", "split"});
  for (detail::text_line const& line : detail::read_lines(file)) {
    std::string const place = detail::line_of(file, line.number);
    std::size_t const extension = line.text.rfind(".avi");
    std::string const path = extension == std::string::npos ? line.text : line.text.substr(0, extension + 4);
    std::string const name = path.substr(0, (std::min)(path.find('/'), path.size()));
    auto const id = ids.find(name);
    if (id == ids.end()) refuse_file(place, "class '" + printable(name) + "' is not in classInd.txt");
    std::string const rest = line.text.substr(path.size());
    if (!rest.empty() && (rest.front() != ' ' || detail::label_number(rest.substr(1)) != id->second + 1))
      refuse_file(place, "the number behind the path differs from classInd.txt: '" + printable(rest) + "'");
    builder.add(place, path, id->second, {path, name, split});
  }
  builder.set_classes(std::move(classes));
  return builder.finish();
}

/// HMDB51: all `<class>_test_split{n}.txt` of a folder for one n; lines "file.avi {0|1|2}": 1 train, 2 test, 0 is not
/// part of this split and is left out. Videos lie in `<class>/file.avi`; classes in bytewise order.
inline manifest read_hmdb51_manifest(std::filesystem::path const& folder, int split,
                                     manifest_options const& options = {}) {
  std::string const ending = "_test_split" + std::to_string(split) + ".txt";
  std::vector<std::string> classes;
  for (auto const& entry : std::filesystem::directory_iterator(folder)) {
    std::string const name = entry.path().filename().string();
    if (name.size() > ending.size() && name.substr(name.size() - ending.size()) == ending)
      classes.push_back(name.substr(0, name.size() - ending.size()));
  }
  std::sort(classes.begin(), classes.end());
  if (classes.empty()) refuse_file(folder, "expected lists named <class>" + ending);
  manifest_options rooted = options;
  if (rooted.root.empty()) rooted.root = folder;
  detail::manifest_builder builder(folder, rooted, {"path", "label_name", "split"});
  for (std::size_t id = 0; id < classes.size(); ++id) {
    std::filesystem::path const file = folder / (classes[id] + ending);
    for (detail::text_line const& line : detail::read_lines(file)) {
      std::string const place = detail::line_of(file, line.number);
      std::size_t const blank = line.text.rfind(' ');
      std::string const use = blank == std::string::npos ? "" : line.text.substr(blank + 1);
      if (use != "0" && use != "1" && use != "2") refuse_file(place, "expected 'file.avi' and 0, 1 or 2");
      if (use == "0") continue;
      std::string const path = classes[id] + "/" + line.text.substr(0, blank);
      builder.add(place, path, static_cast<std::int32_t>(id), {path, classes[id], use == "1" ? "train" : "test"});
    }
  }
  builder.set_classes(std::move(classes));
  return builder.finish();
}

/// Something-Something v2: a list of {id, label, template, placeholders}; the video is `{id}.webm`, the class the
/// template without its brackets. Ids come from labels.json in the same folder where there is one, else the templates
/// in bytewise order are counted from 0. A test list has no templates and no labels.
inline manifest read_ssv2_manifest(std::filesystem::path const& file, manifest_options const& options = {}) {
  auto const text_of = [&](nlohmann::json const& entry, char const* key, std::size_t at) {
    if (!entry.is_object() || !entry.contains(key) || !entry[key].is_string())
      refuse_file(file, "entry " + std::to_string(at) + ": expected a text '" + std::string(key) + "'");
    return entry[key].get<std::string>();
  };
  bool labelled = false;
  std::map<std::string, std::int32_t> ids;  // by template without brackets
  std::vector<std::string> names, templates, classes;
  mapped_file const map(file);
  nlohmann::json const rest = parse_json_list({reinterpret_cast<char const*>(map.bytes().data()), map.size()}, file, "",
                                              [&](nlohmann::json const& entry) {
                                                std::size_t const i = names.size();
                                                if (i == 0) labelled = entry.is_object() && entry.contains("template");
                                                if (labelled) templates.push_back(text_of(entry, "template", i));
                                                names.push_back(text_of(entry, "id", i));
                                              });
  if (!rest.is_array()) refuse_file(file, "expected a list of objects with id and template");
  auto const without_brackets = [](std::string text) {
    text.erase(std::remove_if(text.begin(), text.end(), [](char c) { return c == '[' || c == ']'; }), text.end());
    return text;
  };
  std::filesystem::path const index = file.parent_path() / "labels.json";
  if (labelled && std::filesystem::exists(index)) {
    nlohmann::json const table = read_json(index);
    if (!table.is_object()) refuse_file(index, "expected an object of templates and ids");
    classes.resize(table.size());
    for (auto const& [name, value] : table.items()) {
      std::optional<std::int32_t> const id =
          detail::label_number(value.is_string() ? value.get<std::string>() : value.dump());
      if (!id || static_cast<std::size_t>(*id) >= classes.size() || !classes[static_cast<std::size_t>(*id)].empty())
        refuse_file(index, "'" + printable(name) + "': expected each id from 0 to " + std::to_string(table.size() - 1) +
                               " once");
      classes[static_cast<std::size_t>(*id)] = name;
      ids.emplace(name, *id);
    }
  } else {
    for (std::string const& text : std::set<std::string>(templates.begin(), templates.end())) {
      if (!ids.emplace(without_brackets(text), static_cast<std::int32_t>(classes.size())).second)
        refuse_file(file, "two templates differ in brackets only: '" + printable(text) + "'");
      classes.push_back(without_brackets(text));
    }
  }
  std::vector<std::string> columns = {"path", "id"};
  if (labelled) columns.push_back("label_name");
  detail::manifest_builder builder(file, options, std::move(columns));
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::string const &id = names[i], path = id + ".webm";
    std::string const place = file.string() + ": entry " + std::to_string(i);
    std::vector<std::string> values = {path, id};
    std::int32_t label = no_label;
    if (labelled) {
      auto const found = ids.find(without_brackets(templates[i]));
      if (found == ids.end()) refuse_file(place, "template '" + printable(templates[i]) + "' is not in labels.json");
      label = found->second;
      values.push_back(found->first);
    }
    builder.add(place, path, label, std::move(values));
  }
  builder.set_classes(std::move(classes));
  return builder.finish();
}

}  // namespace scale
