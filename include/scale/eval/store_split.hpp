// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which videos of feature stores train a classifier and which test it: one store against another, or one store with a
// group left out at a time.

#include <scale/data/feature_store.hpp>
#include <scale/eval/class_list.hpp>
#include <scale/eval/splits.hpp>
#include <scale/io/file_error.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace scale {

/// Folds number the videos of the training store, and of the test store; where groups are left out these are the same.
struct store_split {
  joint_labels labels;              // of all videos
  std::vector<std::string> groups;  // of the training store's videos; empty where none are left out
  std::vector<fold> folds;

  index_t classes() const { return static_cast<index_t>(labels.classes.size()); }
};

/// Labels of both stores' videos. Throws input_error naming the first video without one.
inline joint_labels join_labels(feature_store const& train, feature_store const& test) {
  auto const labels_of = [](feature_store const& store) {
    std::vector<std::int32_t> labels = store.labels();
    auto const missing = std::ranges::find(labels, -1);
    if (missing != labels.end())
      refuse_file(store.path(), "expected a label for every video, found none for '" +
                                    printable(store.record(missing - labels.begin()).name) +
                                    "'; extract from a list that labels each video");
    return labels;
  };
  return join_labels(train.classes(), labels_of(train), test.classes(), labels_of(test));
}

/// One fold: all videos of `train`, all videos of `test`.
inline store_split split_of_stores(feature_store const& train, feature_store const& test) {
  store_split out{join_labels(train, test), {}, {fold{}}};
  for (index_t v = 0; v < train.videos(); ++v) out.folds[0].train.push_back(v);
  for (index_t v = 0; v < test.videos(); ++v) out.folds[0].test.push_back(v);
  return out;
}

/// A fold per value of `column`: its videos test, all others train. Throws input_error where there is no such column,
/// or a single value in it.
inline store_split split_by_group(feature_store const& store, std::string const& column) {
  store_split out{join_labels(store, store), {}, {}};
  for (index_t v = 0; v < store.videos(); ++v) out.groups.emplace_back(store.column(v, column));
  if (std::ranges::count(out.groups, out.groups.front()) == store.videos())
    refuse_file(store.path(), "column '" + printable(column) + "': expected at least two different values, found '" +
                                  printable(out.groups.front()) + "' for every video; name another column");
  out.folds = leave_one_group_out(out.groups);
  return out;
}

/// Few labels: of each fold's training videos the first `percent` % of each class stay.
inline void keep_first_percent(store_split& split, double percent, location at = location::current()) {
  for (fold& f : split.folds) {
    std::span<index_t const> const rows(f.train);
    std::vector<index_t> const kept =
        first_percent_per_class(take_elements(std::span<std::int32_t const>(split.labels.train), rows), percent, at);
    f.train = take_elements(rows, std::span<index_t const>(kept));
  }
}

}  // namespace scale
