// SPDX-License-Identifier: Apache-2.0
#pragma once
// Manifests in CSV: our own with a header, the official Kinetics lists, and the headerless ones of the released code.

#include <scale/data/manifest.hpp>
#include <scale/io/csv.hpp>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace scale {

/// `path,label[,split,...]`: a header, any further columns, all kept as texts. Labels are numbers from 0, or names,
/// which are counted in bytewise order; a column `label_name` names the numbers, one name for each. Without a column
/// `label` the videos are unlabelled; beside one, every row has a label. Throws input_error with the line.
inline manifest read_csv_manifest(std::filesystem::path const& file, manifest_options const& options = {}) {
  csv_table const table = read_csv(file);
  std::optional<std::size_t> const path = table.find_column("path");
  if (!path) refuse_file(file, "column 'path' is missing; expected a header such as path,label,split");
  std::optional<std::size_t> const label = table.find_column("label"), label_name = table.find_column("label_name");
  std::vector<std::string> texts;
  for (csv_row const& row : table.rows) {
    if (label && row.fields[*label].empty()) refuse_file(detail::line_of(file, row.line), "the label is empty");
    if (label) texts.push_back(row.fields[*label]);
  }
  detail::class_ids ids = detail::number_labels(texts);
  bool const name_numbers = label && label_name && ids.kind == detail::label_kind::numbers;
  std::vector<char> named(ids.classes.size(), 0);
  std::vector<std::string> columns = {"path"};
  for (std::string const& name : table.header)
    if (name != "path") columns.push_back(name);
  detail::manifest_builder builder(file, options, std::move(columns));
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    csv_row const& row = table.rows[i];
    std::string const place = detail::line_of(file, row.line);
    std::int32_t const id = label ? ids.labels[i] : no_label;
    if (name_numbers) {
      std::size_t const at = static_cast<std::size_t>(id);
      std::string const& name = row.fields[*label_name];
      if (named[at] != 0 && ids.classes[at] != name)
        refuse_file(place, "label " + texts[i] + " is named '" + printable(name) + "', before it was '" +
                               printable(ids.classes[at]) + "'");
      ids.classes[at] = name;
      named[at] = 1;
    }
    std::vector<std::string> values = {row.fields[*path]};
    for (std::size_t c = 0; c < row.fields.size(); ++c)
      if (c != *path) values.push_back(row.fields[c]);
    builder.add(place, row.fields[*path], id, std::move(values));
  }
  builder.set_classes(std::move(ids.classes));
  return builder.finish();
}

/// Kinetics' official list, header `label,youtube_id,time_start,time_end,split`: the video is
/// `{youtube_id}_{start:06d}_{end:06d}.mp4`. A test list has no label column.
inline manifest read_kinetics_manifest(std::filesystem::path const& file, manifest_options const& options = {}) {
  csv_table const table = read_csv(file);
  std::optional<std::size_t> const id = table.find_column("youtube_id"), begin = table.find_column("time_start"),
                                   end = table.find_column("time_end"), label = table.find_column("label");
  if (!id || !begin || !end) refuse_file(file, "expected the columns youtube_id, time_start and time_end");
  std::vector<std::string> texts, columns = {"path"};
  for (csv_row const& row : table.rows) {
    if (label && row.fields[*label].empty()) refuse_file(detail::line_of(file, row.line), "the label is empty");
    if (label) texts.push_back(row.fields[*label]);
  }
  detail::class_ids ids = detail::number_labels(texts);
  columns.insert(columns.end(), table.header.begin(), table.header.end());
  detail::manifest_builder builder(file, options, std::move(columns));
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    csv_row const& row = table.rows[i];
    std::string const place = detail::line_of(file, row.line);
    std::string path = row.fields[*id];
    for (std::size_t const column : {*begin, *end}) {
      std::optional<std::int32_t> const seconds = detail::label_number(row.fields[column]);
      if (!seconds) refuse_file(place, "'" + printable(row.fields[column]) + "' is no time in whole seconds");
      std::string const digits = std::to_string(*seconds);
      path += "_" + std::string(digits.size() < 6 ? 6 - digits.size() : 0, '0') + digits;
    }
    path += ".mp4";
    std::vector<std::string> values = {path};
    values.insert(values.end(), row.fields.begin(), row.fields.end());
    builder.add(place, path, label ? ids.labels[i] : no_label, std::move(values));
  }
  builder.set_classes(std::move(ids.classes));
  return builder.finish();
}

/// The released code's Kinetics list `{mode}_meta.csv`, no header, rows `path,_,_,label`: the video is
/// `{mode}_resized320/{path}.mp4`.
inline manifest read_kinetics_meta_manifest(std::filesystem::path const& file, manifest_options const& options = {}) {
  std::string const stem = file.stem().string();
  std::string const mode = stem.substr(0, stem.find("_meta"));
  csv_table const table = read_csv(file, csv_header::none);
  std::vector<std::string> texts;
  for (csv_row const& row : table.rows) {
    if (row.fields.size() != 4 || row.fields[3].empty())
      refuse_file(detail::line_of(file, row.line), "expected path,_,_,label");
    texts.push_back(row.fields[3]);
  }
  detail::class_ids ids = detail::number_labels(texts);
  detail::manifest_builder builder(file, options, {"path", "label", "split"});
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    std::string const path = mode + "_resized320/" + table.rows[i].fields[0] + ".mp4";
    builder.add(detail::line_of(file, table.rows[i].line), path, ids.labels[i], {path, texts[i], mode});
  }
  builder.set_classes(std::move(ids.classes));
  return builder.finish();
}

}  // namespace scale
