// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which videos train a classifier and which test it: leave one group out, stratified folds, few labels per class.

#include <scale/eval/host_matrix.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <span>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace scale {

/// Row numbers, ascending, without overlap.
struct fold {
  std::string name;
  std::vector<index_t> train, test;
};

/// One fold per value of `groups` (a manifest's column, one entry per video), in bytewise order of the values: its
/// videos are the test rows, all others train. Throws argument_error where there are fewer than two groups.
inline std::vector<fold> leave_one_group_out(std::span<std::string const> groups, location at = location::current()) {
  std::map<std::string, std::vector<index_t>> members;
  for (std::size_t i = 0; i < groups.size(); ++i) members[groups[i]].push_back(static_cast<index_t>(i));
  if (members.size() < 2)
    throw_expected("leave_one_group_out", "groups", "a column with at least two different values",
                   std::to_string(members.size()), at);
  std::vector<fold> folds;
  for (auto const& [name, test] : members) {
    fold one{name, {}, test};
    for (std::size_t i = 0; i < groups.size(); ++i)
      if (groups[i] != name) one.train.push_back(static_cast<index_t>(i));
    folds.push_back(std::move(one));
  }
  return folds;
}

/// `count` folds: within each class, video after video goes to the next fold. The start moves on from class to class,
/// so that folds are of like size. Folds that would be empty are left out; at least two remain or it throws.
inline std::vector<fold> stratified_folds(std::span<std::int32_t const> labels, index_t count,
                                          location at = location::current()) {
  expect(count >= 2, "stratified_folds", "count must be at least 2", at);
  expect(labels.size() >= 2, "stratified_folds", "expected at least two rows", at);
  std::map<std::int32_t, std::vector<index_t>> members;
  for (std::size_t i = 0; i < labels.size(); ++i) members[labels[i]].push_back(static_cast<index_t>(i));
  std::vector<index_t> of_row(labels.size(), 0);
  index_t next = 0;
  for (auto const& [label, rows] : members)
    for (index_t const row : rows) of_row[std::size_t(row)] = next++ % count;
  std::vector<fold> folds;
  for (index_t f = 0; f < (std::min)(count, next); ++f) {
    fold one{std::to_string(f), {}, {}};
    for (std::size_t i = 0; i < of_row.size(); ++i)
      (of_row[i] == f ? one.test : one.train).push_back(static_cast<index_t>(i));
    folds.push_back(std::move(one));
  }
  return folds;
}

/// The first `percent` % of each class in the given order, rounded up: every class keeps at least one. Ascending.
inline std::vector<index_t> first_percent_per_class(std::span<std::int32_t const> labels, double percent,
                                                    location at = location::current()) {
  if (!(percent > 0 && percent <= 100))
    throw_expected("first_percent_per_class", "percent", "in (0, 100]", std::to_string(percent), at);
  std::map<std::int32_t, std::vector<index_t>> members;
  for (std::size_t i = 0; i < labels.size(); ++i) members[labels[i]].push_back(static_cast<index_t>(i));
  std::vector<index_t> out;
  for (auto const& [label, rows] : members) {
    double const exact = percent * static_cast<double>(rows.size()) / 100;
    std::size_t const keep =
        static_cast<std::size_t>(std::ceil(exact - 1e-9));  // 10 % of 30 is 3, whatever the rounding
    out.insert(out.end(), rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>((std::max)(keep, std::size_t{1})));
  }
  std::ranges::sort(out);
  return out;
}

/// Scores [test rows, classes] from the folds that hold the rows out: classify(training features, training labels, test
/// features, fold) gives a host_matrix [the fold's test rows, classes]. Folds number the rows of `train`, with
/// `labels`, and of `test`, which may be the same matrix. Labels of held-out rows are never passed. Rows in no fold's
/// test stay 0. Throws cancelled_error on request, between folds.
template <class T, class Classify>
auto cross_predict(host_matrix<T> const& train, std::span<std::int32_t const> labels, host_matrix<T> const& test,
                   index_t classes, std::span<fold const> folds, Classify&& classify, std::stop_token stop = {},
                   location at = location::current()) {
  using labels_type = std::span<std::int32_t const>;
  using part_type = std::invoke_result_t<Classify&, host_matrix<T>, labels_type, host_matrix<T>, fold const&>;
  expect(static_cast<index_t>(labels.size()) == train.rows, "cross_predict", "one label per training row is needed",
         at);
  std::remove_cvref_t<part_type> scores(test.rows, classes);
  for (fold const& f : folds) {
    if (stop.stop_requested()) throw cancelled_error("cross_predict: stopped on request");
    std::vector<std::int32_t> const seen = take_elements(labels, std::span<index_t const>(f.train), at);
    auto const part = classify(take_rows(train, f.train, at), labels_type(seen), take_rows(test, f.test, at), f);
    expect(part.rows == static_cast<index_t>(f.test.size()) && part.columns == classes, "cross_predict",
           "the classifier's scores have another shape than [test rows, classes]", at);
    for (index_t i = 0; i < part.rows; ++i) std::ranges::copy(part.row(i), scores.row(f.test[std::size_t(i)]).begin());
  }
  return scores;
}

}  // namespace scale
