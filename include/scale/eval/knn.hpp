// SPDX-License-Identifier: Apache-2.0
#pragma once
// Weighted k-nearest-neighbour classification of representations (Wu et al., CVPR 2018, as the paper uses it).

#include <scale/core/tensor.hpp>
#include <scale/eval/host_matrix.hpp>
#include <scale/eval/metrics.hpp>
#include <scale/ops/top_k.hpp>
#include <scale/ops/transfer.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>

namespace scale {

/// Means over each `group` neighbouring rows: [n * group, c] -> [n, c], summed in double.
template <class T>
host_matrix<T> average_rows(host_matrix<T> const& x, index_t group, location at = location::current()) {
  expect(group >= 1 && x.rows % group == 0, "average_rows", "rows must be a multiple of group", at);
  host_matrix<T> out(x.rows / group, x.columns, at);
  for (index_t i = 0; i < out.rows; ++i)
    for (index_t j = 0; j < x.columns; ++j) {
      double sum = 0;
      for (index_t g = 0; g < group; ++g) sum += static_cast<double>(x(i * group + g, j));
      out(i, j) = static_cast<T>(sum / static_cast<double>(group));
    }
  return out;
}

/// Subtracts the mean row, in place. A split is centred by its own mean (method: k-NN).
template <class T>
void centre_rows(host_matrix<T>& x) {
  std::vector<double> mean(std::size_t(x.columns), 0);
  for (index_t i = 0; i < x.rows; ++i)
    for (index_t j = 0; j < x.columns; ++j) mean[std::size_t(j)] += static_cast<double>(x(i, j));
  for (double& value : mean) value /= static_cast<double>(x.rows);
  for (index_t i = 0; i < x.rows; ++i)
    for (index_t j = 0; j < x.columns; ++j)
      x(i, j) = static_cast<T>(static_cast<double>(x(i, j)) - mean[std::size_t(j)]);
}

/// Divides each row by max(its Euclidean norm, eps), in place.
template <class T>
void normalise_rows(host_matrix<T>& x, double eps = 1e-12) {
  for (index_t i = 0; i < x.rows; ++i) {
    double sum = 0;
    for (T const value : x.row(i)) sum += static_cast<double>(value) * static_cast<double>(value);
    double const norm = (std::max)(std::sqrt(sum), eps);
    for (T& value : x.row(i)) value = static_cast<T>(static_cast<double>(value) / norm);
  }
}

/// A copy of x in a backend's memory, as T (rounded once).
template <floating T, backend B>
tensor<T, 2, B> to_device(B const& b, host_matrix<stat_t<T>> const& x) {
  tensor<T, 2, B> out(b, shape{x.rows, x.columns});
  if constexpr (std::same_as<T, stat_t<T>>) {
    upload(b, std::span<T const>(x.values), out.view());
  } else {
    std::vector<T> const rounded(x.values.begin(), x.values.end());
    upload(b, std::span<T const>(rounded), out.view());
  }
  return out;
}

/// Row by row, the bank's rows of largest dot product, descending; the lower number first of equals.
template <class T>
struct nearest_rows {
  host_matrix<T> similarity;            // [m, k]
  host_matrix<std::int32_t> neighbour;  // [m, k], rows of the bank
};

/// queries [m, d], bank [n, d], 1 <= k <= n. Compute in T on `b`.
template <floating T, backend B>
nearest_rows<stat_t<T>> find_nearest(B const& b, host_matrix<stat_t<T>> const& queries,
                                     host_matrix<stat_t<T>> const& bank, index_t k, location at = location::current()) {
  if (queries.columns != bank.columns)
    throw_expected("find_nearest", "width of queries", std::to_string(bank.columns), std::to_string(queries.columns),
                   at);
  if (k < 1 || k > bank.rows)
    throw_expected("find_nearest", "k", "within [1, " + std::to_string(bank.rows) + "], the bank's rows",
                   std::to_string(k), at);
  tensor<T, 2, B> const q = to_device<T>(b, queries), keys = to_device<T>(b, bank);
  tensor<stat_t<T>, 2, B> score(b, shape{queries.rows, k});
  tensor<std::int32_t, 2, B> index(b, shape{queries.rows, k});
  top_k_dot(b, q, {.bank = keys, .score = score, .index = index}, at);
  nearest_rows<stat_t<T>> out{{queries.rows, k}, {queries.rows, k}};
  download(b, tensor_view<stat_t<T> const, 2, B>(score), std::span<stat_t<T>>(out.similarity.values));
  download(b, tensor_view<std::int32_t const, 2, B>(index), std::span<std::int32_t>(out.neighbour.values));
  return out;
}

struct knn_options {
  index_t k = 20;
  double temperature = 0.07;
};

template <class T>
struct knn_result {
  host_matrix<T> scores;                  // [m, classes], sum of exp(similarity / temperature) over the class's votes
  std::vector<std::int32_t> predictions;  // [m], the lowest class of equals
};

/// Classifies by the k nearest of the whole bank (all of it where it is smaller than k). `bank` [n, d] with labels [n]
/// in [0, classes), `queries` [m, d]: one row per video, averaged over its clips. Both are centred by their own mean
/// and normalised here; a single row would be nothing but its own mean, so both need at least two (or no query).
/// `classes` comes from the class list, not from the labels that happen to be there.
template <floating T, backend B>
knn_result<stat_t<T>> classify_knn(B const& b, host_matrix<stat_t<T>> bank, std::span<std::int32_t const> labels,
                                   host_matrix<stat_t<T>> queries, index_t classes, knn_options const& options = {},
                                   location at = location::current()) {
  using stat = stat_t<T>;
  if (static_cast<index_t>(labels.size()) != bank.rows)
    throw_expected("classify_knn", "labels", std::to_string(bank.rows), std::to_string(labels.size()), at);
  for (std::int32_t const label : labels)
    if (label < 0 || label >= classes)
      throw_expected("classify_knn", "label", "within [0, " + std::to_string(classes) + ")", std::to_string(label), at);
  expect(options.temperature > 0, "classify_knn", "temperature must be positive", at);
  expect(bank.rows >= 2, "classify_knn", "the bank needs at least two rows: centred by its own mean, one is nothing",
         at);
  expect(queries.rows != 1, "classify_knn", "a single query, centred by its own mean, is nothing: give two or more",
         at);
  centre_rows(bank);
  centre_rows(queries);
  normalise_rows(bank);
  normalise_rows(queries);
  nearest_rows<stat> const found = find_nearest<T>(b, queries, bank, (std::min)(options.k, bank.rows), at);
  knn_result<stat> out{host_matrix<stat>(queries.rows, classes), {}};
  for (index_t i = 0; i < queries.rows; ++i) {
    std::vector<double> votes(std::size_t(classes), 0);
    for (index_t j = 0; j < found.neighbour.columns; ++j) {
      // Once more in double: the temperature magnifies the rounding of a float's similarity some fourteen times.
      index_t const n = found.neighbour(i, j);
      double const similarity =
          std::inner_product(queries.row(i).begin(), queries.row(i).end(), bank.row(n).begin(), 0.0, std::plus<>(),
                             [](stat q, stat c) { return static_cast<double>(q) * static_cast<double>(c); });
      votes[std::size_t(labels[std::size_t(n)])] += std::exp(similarity / options.temperature);
    }
    std::transform(votes.begin(), votes.end(), out.scores.row(i).begin(),
                   [](double v) { return static_cast<stat>(v); });
    out.predictions.push_back(best_class(std::span<stat const>(out.scores.row(i))));
  }
  return out;
}

/// As measure() of the scores, a class without a vote never counting among the first five.
template <class T>
accuracy measure_knn(knn_result<T> const& result, std::span<std::int32_t const> labels,
                     location at = location::current()) {
  host_matrix<T> scores = result.scores;
  for (T& value : scores.values)
    if (value == 0) value = -std::numeric_limits<T>::infinity();
  return measure(scores, labels, at);
}

}  // namespace scale
