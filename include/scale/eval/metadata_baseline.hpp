// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a classifier gains from a file's header alone: width, height, frames and rate. A probe that does not beat it
// may have learnt how the videos were encoded.

#include <scale/data/feature_store.hpp>
#include <scale/eval/host_matrix.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace scale {

struct video_metadata {
  double width = 0, height = 0, frames = 0, frames_per_second = 0;
};

struct metadata_options {
  index_t k = 5;
};

/// [n, 4]: width, height, frames decoded, frame rate.
inline host_matrix<double> metadata_features(std::span<video_metadata const> videos) {
  host_matrix<double> out(static_cast<index_t>(videos.size()), 4);
  for (index_t i = 0; i < out.rows; ++i) {
    video_metadata const& v = videos[std::size_t(i)];
    double const values[] = {v.width, v.height, v.frames, v.frames_per_second};
    std::ranges::copy(values, out.row(i).begin());
  }
  return out;
}

/// The same of a store's videos.
inline host_matrix<double> metadata_features(feature_store const& store) {
  std::vector<video_metadata> rows;
  for (index_t v = 0; v < store.videos(); ++v) {
    store_record const& r = store.record(v);
    rows.push_back({static_cast<double>(r.width), static_cast<double>(r.height), static_cast<double>(r.frames), r.fps});
  }
  return metadata_features(rows);
}

/// Scores [m, classes]: votes of the k nearest training rows by Euclidean distance, every feature standardised by the
/// training rows (a constant one counts nothing); equal distances by the lower row. On the host, O(n m).
inline host_matrix<double> classify_metadata(host_matrix<double> const& train, std::span<std::int32_t const> labels,
                                             host_matrix<double> const& test, index_t classes,
                                             metadata_options const& options = {}, location at = location::current()) {
  expect(train.rows >= 1 && static_cast<index_t>(labels.size()) == train.rows, "classify_metadata",
         "expected at least one training row, and one label for each", at);
  expect(train.columns == test.columns && options.k >= 1, "classify_metadata",
         "train and test must have the same features, and k must be positive", at);
  std::vector<double> weight(std::size_t(train.columns), 0);
  for (index_t j = 0; j < train.columns; ++j) {
    double sum = 0, squares = 0;
    for (index_t i = 0; i < train.rows; ++i) sum += train(i, j);
    double const mean = sum / static_cast<double>(train.rows);
    for (index_t i = 0; i < train.rows; ++i) squares += (train(i, j) - mean) * (train(i, j) - mean);
    double const variance = squares / static_cast<double>(train.rows);
    weight[std::size_t(j)] = std::sqrt(variance) > 1e-12 * std::abs(mean) ? 1 / variance : 0;
  }
  host_matrix<double> scores(test.rows, classes, at);
  std::vector<std::pair<double, index_t>> order(std::size_t(train.rows));
  for (index_t t = 0; t < test.rows; ++t) {
    for (index_t i = 0; i < train.rows; ++i) {
      double distance = 0;
      for (index_t j = 0; j < train.columns; ++j) {
        double const difference = train(i, j) - test(t, j);
        distance += weight[std::size_t(j)] * difference * difference;
      }
      order[std::size_t(i)] = {distance, i};
    }
    index_t const k = (std::min)(options.k, train.rows);
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k), order.end());
    for (index_t i = 0; i < k; ++i) {
      std::int32_t const label = labels[std::size_t(order[std::size_t(i)].second)];
      if (label < 0 || label >= classes)
        throw_expected("classify_metadata", "label", "within [0, " + std::to_string(classes) + ")",
                       std::to_string(label), at);
      scores(t, label) += 1;
    }
  }
  return scores;
}

}  // namespace scale
