// SPDX-License-Identifier: Apache-2.0
#pragma once
// Classifiers that need no training loop, run on every fold of a split of stores and measured over all test videos.

#include <scale/eval/knn.hpp>
#include <scale/eval/metadata_baseline.hpp>
#include <scale/eval/metrics.hpp>
#include <scale/eval/ridge.hpp>
#include <scale/eval/store_split.hpp>

#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace scale {

/// k-NN on one row per video, `train` [training store's videos, d] and `test`. See classify_knn for folds too small.
template <floating T, backend B>
accuracy evaluate_knn(B const& b, host_matrix<stat_t<T>> const& train, host_matrix<stat_t<T>> const& test,
                      store_split const& split, knn_options const& options = {}, std::stop_token stop = {},
                      location at = location::current()) {
  knn_result<stat_t<T>> pooled;
  pooled.scores = cross_predict(
      train, split.labels.train, test, split.classes(), split.folds,
      [&](auto bank, auto labels, auto queries, fold const&) {
        return classify_knn<T>(b, std::move(bank), labels, std::move(queries), split.classes(), options, at).scores;
      },
      stop, at);
  return measure_knn(pooled, split.labels.test, at);
}

/// Ridge regression likewise. Where groups are left out, the strength is chosen by leaving out groups too: a strength
/// chosen on videos of the same groups would be one for another task.
template <class T>
accuracy evaluate_ridge(host_matrix<T> const& train, host_matrix<T> const& test, store_split const& split,
                        ridge_options options = {}, std::stop_token stop = {}, location at = location::current()) {
  std::vector<std::string> groups;
  host_matrix<double> const scores = cross_predict(
      train, split.labels.train, test, split.classes(), split.folds,
      [&](auto const& x, auto labels, auto const& held_out, fold const& f) {
        if (!split.groups.empty())
          groups = take_elements(std::span<std::string const>(split.groups), std::span<index_t const>(f.train));
        options.inner_groups = groups;
        return fit_ridge(x, labels, split.classes(), options, at).scores(held_out, at);
      },
      stop, at);
  return measure(scores, split.labels.test, at);
}

/// What the files' headers alone tell, of the stores that were split.
inline accuracy evaluate_metadata(feature_store const& train, feature_store const& test, store_split const& split,
                                  std::stop_token stop = {}, location at = location::current()) {
  host_matrix<double> const scores = cross_predict(
      metadata_features(train), split.labels.train, metadata_features(test), split.classes(), split.folds,
      [&](auto const& x, auto labels, auto const& held_out, fold const&) {
        return classify_metadata(x, labels, held_out, split.classes(), {}, at);
      },
      stop, at);
  return measure(scores, split.labels.test, at);
}

}  // namespace scale
