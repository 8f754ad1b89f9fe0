// SPDX-License-Identifier: Apache-2.0
#include <scale/core/random.hpp>
#include <scale/eval/knn.hpp>
#include <scale/eval/metadata_baseline.hpp>
#include <scale/eval/ridge.hpp>
#include <scale/eval/splits.hpp>
#include <scale/ref.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

namespace {

using scale::index_t;

scale::host_matrix<double> noise(index_t rows, index_t columns, std::uint64_t seed) {
  scale::host_matrix<double> out(rows, columns);
  auto const key = scale::make_key(seed, 0, scale::purpose::initialise);
  for (std::size_t i = 0; i < out.values.size(); ++i) out.values[i] = scale::random_unit(key, i) - 0.5;
  return out;
}

}  // namespace

TEST_CASE("every row is held out once, by the fold of its group, and never trains there") {
  std::vector<std::string> const groups = {"b", "a", "c", "a", "b", "a"};
  auto const folds = scale::leave_one_group_out(groups);
  REQUIRE(folds.size() == 3);
  CHECK(folds[0].name == "a");
  CHECK(folds[0].test == std::vector<index_t>{1, 3, 5});
  CHECK(folds[0].train == std::vector<index_t>{0, 2, 4});
  CHECK(folds[2].test == std::vector<index_t>{2});
  std::vector<int> held(groups.size(), 0);
  for (auto const& f : folds)
    for (index_t const i : f.test) {
      ++held[std::size_t(i)];
      CHECK(std::ranges::find(f.train, i) == f.train.end());
    }
  CHECK(held == std::vector<int>(groups.size(), 1));
  CHECK_THROWS_AS(scale::leave_one_group_out(std::vector<std::string>(4, "same")), scale::argument_error);
}

TEST_CASE("stratified folds spread each class and cover all rows") {
  std::vector<std::int32_t> labels;
  for (int i = 0; i < 33; ++i) labels.push_back(i % 3);
  auto const folds = scale::stratified_folds(labels, 5);
  REQUIRE(folds.size() == 5);
  std::size_t covered = 0;
  for (auto const& f : folds) {
    covered += f.test.size();
    CHECK(f.test.size() + f.train.size() == labels.size());
    for (std::int32_t c = 0; c < 3; ++c) {
      auto const of_class = std::ranges::count_if(f.test, [&](index_t i) { return labels[std::size_t(i)] == c; });
      CHECK(of_class >= 2);
      CHECK(of_class <= 3);
    }
  }
  CHECK(covered == labels.size());
}

TEST_CASE("the first percent of each class, at least one") {
  std::vector<std::int32_t> labels;
  for (int i = 0; i < 30; ++i) labels.push_back(0);
  for (int i = 0; i < 3; ++i) labels.push_back(1);
  CHECK(scale::first_percent_per_class(labels, 10) == std::vector<index_t>{0, 1, 2, 30});
  CHECK(scale::first_percent_per_class(labels, 100).size() == 33);
  CHECK_THROWS_AS(scale::first_percent_per_class(labels, 0), scale::argument_error);
  CHECK_THROWS_AS(scale::first_percent_per_class(labels, 101), scale::argument_error);
}

TEST_CASE("labels of held-out rows do not influence their own predictions") {
  index_t const n = 60, classes = 4;
  auto const features = noise(n, 7, 3);
  std::vector<std::int32_t> labels;
  std::vector<std::string> groups;
  for (index_t i = 0; i < n; ++i) {
    labels.push_back(static_cast<std::int32_t>(i % classes));
    groups.push_back(std::to_string(i / 15));
  }
  auto const folds = scale::leave_one_group_out(groups);
  scale::ref::context const b;
  auto const predict = [&](std::vector<std::int32_t> const& with, int method) {
    return scale::cross_predict(features, with, features, classes, folds,
                                [&](scale::host_matrix<double> const& x, std::span<std::int32_t const> y,
                                    scale::host_matrix<double> const& test, scale::fold const&) {
                                  if (method == 0) return scale::fit_ridge(x, y, classes).scores(test);
                                  if (method == 1) return scale::classify_metadata(x, y, test, classes);
                                  return scale::classify_knn<double>(b, x, y, test, classes, {.k = 3}).scores;
                                });
  };
  for (int method = 0; method < 3; ++method) {
    CAPTURE(method);
    auto const before = predict(labels, method);
    auto changed = labels;
    for (index_t const i : folds[1].test) changed[std::size_t(i)] = static_cast<std::int32_t>((i + 1) % classes);
    auto const after = predict(changed, method);
    for (index_t const i : folds[1].test) CHECK(std::ranges::equal(before.row(i), after.row(i)));
    bool others_moved = false;  // the change does reach the folds that train on those rows
    for (index_t const i : folds[0].test) others_moved |= !std::ranges::equal(before.row(i), after.row(i));
    CHECK(others_moved);
  }
}

TEST_CASE("scores of two matrices lie where the folds' test rows are, and stopping is heard between folds") {
  auto const train = noise(4, 2, 1), test = noise(3, 2, 2);
  std::vector<std::int32_t> const labels = {0, 1, 0, 1};
  std::vector<scale::fold> const folds = {{"a", {0, 1}, {2}}, {"b", {2, 3}, {0}}};
  std::stop_source stop;
  auto const classify = [&](scale::host_matrix<double> const& x, std::span<std::int32_t const> y,
                            scale::host_matrix<double> const& held_out, scale::fold const& f) {
    CHECK(x(0, 0) == train(f.train[0], 0));
    CHECK(y[1] == 1);
    CHECK(held_out(0, 1) == test(f.test[0], 1));
    stop.request_stop();
    scale::host_matrix<double> out(1, 2);
    out(0, 1) = f.name == "a" ? 1 : 2;
    return out;
  };
  auto const scores = scale::cross_predict(train, labels, test, 2, folds, classify);
  CHECK(scores.values == std::vector<double>{0, 2, 0, 0, 0, 1});
  CHECK_THROWS_AS(scale::cross_predict(train, labels, test, 2, folds, classify, stop.get_token()),
                  scale::cancelled_error);
}
