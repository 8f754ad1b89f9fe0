// SPDX-License-Identifier: Apache-2.0
#pragma once
// From the logits of a set's clips to the set's class: three ways of averaging, their loss and its gradient.

#include <scale/eval/host_matrix.hpp>
#include <scale/eval/metrics.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scale {

/// What of a set's V clips is held against its label.
enum class probe_output {
  logits,      // each clip's logits by themselves
  avg_logits,  // the mean of the logits
  avg_probs,   // the mean of the probabilities
};

constexpr std::string_view name_of(probe_output output) noexcept {
  return output == probe_output::logits ? "logits" : output == probe_output::avg_logits ? "avg_logits" : "avg_probs";
}

inline probe_output probe_output_of(std::string_view name, location at = location::current()) {
  for (probe_output const o : {probe_output::logits, probe_output::avg_logits, probe_output::avg_probs})
    if (name == name_of(o)) return o;
  throw_expected("probe_output_of", "output", "logits, avg_logits or avg_probs", name, at);
}

namespace detail {

/// log sum exp of a row, in double; any finite values.
template <class T>
double log_sum_exp(std::span<T const> row) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (T const value : row) largest = (std::max)(largest, static_cast<double>(value));
  for (T const value : row) sum += std::exp(static_cast<double>(value) - largest);
  return largest + std::log(sum);
}

}  // namespace detail

/// logits [n * clips, classes] -> their means over each set's clips [n, classes].
template <class T>
host_matrix<double> average_logits(host_matrix<T> const& logits, index_t clips) {
  host_matrix<double> out(logits.rows / clips, logits.columns);
  for (index_t r = 0; r < logits.rows; ++r)
    for (index_t c = 0; c < logits.columns; ++c)
      out(r / clips, c) += static_cast<double>(logits(r, c)) / static_cast<double>(clips);
  return out;
}

/// logits [n * clips, classes] -> the means of their softmax over each set's clips [n, classes].
template <class T>
host_matrix<double> average_probabilities(host_matrix<T> const& logits, index_t clips) {
  host_matrix<double> out(logits.rows / clips, logits.columns);
  for (index_t r = 0; r < logits.rows; ++r) {
    double const lse = detail::log_sum_exp(logits.row(r));
    for (index_t c = 0; c < logits.columns; ++c)
      out(r / clips, c) += std::exp(static_cast<double>(logits(r, c)) - lse) / static_cast<double>(clips);
  }
  return out;
}

struct set_loss {
  double loss = 0;
  double accuracy = 0;  // %, of clips for `logits`, else of sets; the lowest of equal classes is the answer
};

/// Mean cross-entropy of logits [n * clips, classes] against labels [n]: of each clip, of the averaged logits, or
/// minus the logarithm of the averaged probability. `gradient`, of the same shape, is assigned where given. Computed in
/// double; no overflow for finite logits. Throws argument_error for a label out of range.
template <class T>
set_loss classify_sets(host_matrix<T> const& logits, std::span<std::int32_t const> labels, index_t clips,
                       probe_output output, host_matrix<T>* gradient = nullptr, location at = location::current()) {
  index_t const n = static_cast<index_t>(labels.size()), classes = logits.columns;
  expect(clips >= 1 && logits.rows == n * clips, "classify_sets", "logits need a row for each clip of each label", at);
  for (std::int32_t const label : labels)
    if (label < 0 || label >= classes)
      throw_expected("classify_sets", "label", "within [0, " + std::to_string(classes) + ")", std::to_string(label),
                     at);
  if (gradient != nullptr) *gradient = host_matrix<T>(logits.rows, classes, at);
  set_loss out;
  if (n == 0) return out;
  double const sets = static_cast<double>(n), per_set = static_cast<double>(clips);
  index_t right = 0;
  if (output == probe_output::avg_logits) {
    host_matrix<double> const mean = average_logits(logits, clips);
    for (index_t i = 0; i < n; ++i) {
      std::int32_t const label = labels[std::size_t(i)];
      std::span<double const> const row = mean.row(i);
      double const lse = detail::log_sum_exp(row);
      out.loss += (lse - row[std::size_t(label)]) / sets;
      right += best_class(row) == label ? 1 : 0;
      for (index_t v = 0; gradient != nullptr && v < clips; ++v)
        for (index_t c = 0; c < classes; ++c)
          (*gradient)(i * clips + v, c) =
              static_cast<T>((std::exp(row[std::size_t(c)] - lse) - (c == label ? 1 : 0)) / (sets * per_set));
    }
    out.accuracy = 100 * static_cast<double>(right) / sets;
    return out;
  }
  std::vector<double> lse(std::size_t(clips), 0), log_probability(std::size_t(clips), 0);
  host_matrix<double> mean;
  if (output == probe_output::avg_probs) mean = average_probabilities(logits, clips);
  for (index_t i = 0; i < n; ++i) {
    std::int32_t const label = labels[std::size_t(i)];
    for (index_t v = 0; v < clips; ++v) {
      std::span<T const> const row = logits.row(i * clips + v);
      lse[std::size_t(v)] = detail::log_sum_exp(row);
      log_probability[std::size_t(v)] = static_cast<double>(row[std::size_t(label)]) - lse[std::size_t(v)];
      if (output == probe_output::logits) {
        out.loss -= log_probability[std::size_t(v)] / (sets * per_set);
        right += best_class(row) == label ? 1 : 0;
      }
    }
    // -log of the mean probability is log V - lse of the log-probabilities; each clip's share of that sum is its
    // weight.
    double const total = detail::log_sum_exp(std::span<double const>(log_probability));
    if (output == probe_output::avg_probs) {
      out.loss += (std::log(per_set) - total) / sets;
      right += best_class(std::span<double const>(mean.row(i))) == label ? 1 : 0;
    }
    for (index_t v = 0; gradient != nullptr && v < clips; ++v) {
      double const weight =
          output == probe_output::logits ? 1 / per_set : std::exp(log_probability[std::size_t(v)] - total);
      for (index_t c = 0; c < classes; ++c) {
        double const p = std::exp(static_cast<double>(logits(i * clips + v, c)) - lse[std::size_t(v)]);
        (*gradient)(i * clips + v, c) = static_cast<T>(weight * (p - (c == label ? 1 : 0)) / sets);
      }
    }
  }
  out.accuracy = 100 * static_cast<double>(right) / (output == probe_output::logits ? sets * per_set : sets);
  return out;
}

/// All three ways of averaging on one test. For `logits` each clip counts; n and the interval are those of the videos,
/// since a video's clips are no independent trials.
struct set_accuracies {
  accuracy logits, avg_logits, avg_probs;
};

template <class T>
set_accuracies measure_sets(host_matrix<T> const& logits, std::span<std::int32_t const> labels, index_t clips,
                            location at = location::current()) {
  index_t const n = static_cast<index_t>(labels.size());
  expect(clips >= 1 && logits.rows == n * clips, "measure_sets", "logits need a row for each clip of each label", at);
  std::vector<std::int32_t> repeated;
  for (std::int32_t const label : labels) repeated.insert(repeated.end(), std::size_t(clips), label);
  set_accuracies out{measure(logits, repeated, at), measure(average_logits(logits, clips), labels, at),
                     measure(average_probabilities(logits, clips), labels, at)};
  interval const ci = wilson_interval(std::llround(out.logits.top1 / 100 * static_cast<double>(n)), n);
  out.logits.n = n;
  out.logits.ci95 = {100 * ci.low, 100 * ci.high};
  return out;
}

}  // namespace scale
