// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a classifier's scores are worth: top-1, top-5, mean class accuracy and the interval of top-1.

#include <scale/eval/host_matrix.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace scale {

struct interval {
  double low = 0, high = 0;
};

/// Wilson's score interval of a proportion, in [0, 1]; z = 1.96 gives 95 %. No trials: [0, 1], nothing is known.
/// (Wilson, JASA 22, 1927; unlike the normal approximation it stays inside [0, 1] and has width at 0 and 1.)
inline interval wilson_interval(index_t successes, index_t trials, double z = 1.959963984540054) {
  expect(successes >= 0 && successes <= trials, "wilson_interval", "successes must be in [0, trials]");
  if (trials == 0) return {0, 1};
  double const n = static_cast<double>(trials), p = static_cast<double>(successes) / n, z2 = z * z;
  double const centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  double const half = z / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  return {(std::max)(0.0, centre - half), (std::min)(1.0, centre + half)};
}

/// All in percent but n. `mean_class` is the mean, over the classes that occur in the labels, of each class's top-1.
struct accuracy {
  double top1 = 0, top5 = 0, mean_class = 0;
  interval ci95;  // of top1
  index_t n = 0;
};

/// One line of a probe's table, and one object of its JSON output.
struct probe_result {
  std::string method;    // knn, ridge, linear, mlp, finetune, metadata
  std::string features;  // what the classifier saw: x, cls, x+cls, x+h+cls, ...
  accuracy result;
};

/// The class with the largest score, the lowest of equals; -1 where all are minus infinity.
template <class T>
std::int32_t best_class(std::span<T const> scores) {
  std::int32_t best = -1;
  T largest = -std::numeric_limits<T>::infinity();
  for (std::size_t j = 0; j < scores.size(); ++j)
    if (scores[j] > largest) {
      largest = scores[j];
      best = static_cast<std::int32_t>(j);
    }
  return best;
}

/// Scores [n, classes], labels [n] in [0, classes). A row's label is within its top k where fewer than k classes are
/// ahead: of larger score, or of equal score and lower number. A label whose score is minus infinity is never right:
/// that is how a classifier says that a class got no vote. With fewer than five classes top-5 is over all of them.
/// Throws argument_error for a score that is not a number.
template <class T>
accuracy measure(host_matrix<T> const& scores, std::span<std::int32_t const> labels,
                 location at = location::current()) {
  index_t const n = scores.rows, classes = scores.columns;
  if (static_cast<index_t>(labels.size()) != n)
    throw_expected("measure", "labels", std::to_string(n), std::to_string(labels.size()), at);
  std::vector<index_t> of_class(std::size_t(classes), 0), right(std::size_t(classes), 0);
  index_t first = 0, fifth = 0;
  for (index_t i = 0; i < n; ++i) {
    std::int32_t const label = labels[std::size_t(i)];
    if (label < 0 || label >= classes)
      throw_expected("measure", "labels[" + std::to_string(i) + "]", "within [0, " + std::to_string(classes) + ")",
                     std::to_string(label), at);
    std::span<T const> const row = scores.row(i);
    T const own = row[std::size_t(label)];
    index_t ahead = 0;
    for (index_t j = 0; j < classes; ++j) {
      T const other = row[std::size_t(j)];
      expect(!std::isnan(other), "measure", "scores: row " + std::to_string(i) + " holds a NaN", at);
      ahead += other > own || (other == own && j < label) ? 1 : 0;
    }
    ++of_class[std::size_t(label)];
    if (own == -std::numeric_limits<T>::infinity()) continue;
    if (ahead == 0) {
      ++first;
      ++right[std::size_t(label)];
    }
    if (ahead < 5) ++fifth;
  }
  accuracy out;
  out.n = n;
  interval const ci = wilson_interval(first, n);
  out.ci95 = {100 * ci.low, 100 * ci.high};
  if (n == 0) return out;
  out.top1 = 100 * static_cast<double>(first) / static_cast<double>(n);
  out.top5 = 100 * static_cast<double>(fifth) / static_cast<double>(n);
  double sum = 0;
  index_t present = 0;
  for (std::size_t c = 0; c < of_class.size(); ++c)
    if (of_class[c] != 0) {
      sum += static_cast<double>(right[c]) / static_cast<double>(of_class[c]);
      ++present;
    }
  out.mean_class = 100 * sum / static_cast<double>(present);
  return out;
}

}  // namespace scale
