// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whole probes: train a classifier on one split, test it on another, measure. Linear probe, fine-tuning, MLP probe.

#include <scale/eval/representation.hpp>
#include <scale/eval/store_split.hpp>
#include <scale/train/mlp_probe.hpp>
#include <scale/train/probe_training.hpp>
#include <scale/train/set_probe.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <stop_token>

namespace scale {

/// Videos of a source with their labels in [0, classes), both borrowed. Train and test may be of one source: then they
/// must not overlap, which splits.hpp sees to.
template <floating T, backend B>
struct probe_split {
  clip_source<T, B> const& source;
  std::span<index_t const> rows;
  std::span<std::int32_t const> labels;  // [rows.size()]
};

/// What a probe came to. `logits` [test videos * clips, classes] allow predictions of folds to be pooled.
template <class T>
struct probe_outcome {
  set_loss last_step;
  host_matrix<T> logits;
  set_accuracies result;
};

namespace detail {

/// Videos tested at a time.
inline constexpr index_t probe_test_batch = 64;

template <floating T, backend B, class Make>
probe_outcome<stat_t<T>> run_probe(B const& b, probe_split<T, B> const& train, probe_split<T, B> const& test,
                                   input_kind input, probe_options const& options, train_callbacks const& callbacks,
                                   std::stop_token stop, location at, Make&& make) {
  expect(test.rows.size() == test.labels.size(), "probe", "expected a label for each test video", at);
  index_t const trained = (std::min)(options.batch, static_cast<index_t>(train.rows.size()));
  index_t const train_rows = trained * probe_set_size(options, train.source.clips(), at);
  index_t const test_rows = (std::min)(probe_test_batch, static_cast<index_t>(test.rows.size())) * test.source.clips();
  index_t const clips = (std::max)(probe_set_size(options, train.source.clips(), at), test.source.clips());
  index_t const sets = (std::max)((std::max)(train_rows, test_rows) / clips + 1, (std::max)(trained, probe_test_batch));
  auto network = make(sets, clips);
  probe_outcome<stat_t<T>> out;
  out.last_step =
      train_probe<T, B>(b, network, train.source, input, train.rows, train.labels, options, callbacks, stop, at);
  out.logits = test_probe<T, B>(b, network, test.source, input, test.rows, probe_test_batch, stop, at);
  out.result = measure_sets(out.logits, test.labels, test.source.clips(), at);
  return out;
}

}  // namespace detail

/// Linear probe on frozen features (`config.training` frozen), or fine-tuning (trained: the set transformer starts from
/// the encoder's model and is trained with `config.dropout`, 0.1 in the paper). `encoder` null: features x alone.
template <floating T, backend B>
probe_outcome<stat_t<T>> run_set_probe(B const& b, probe_split<T, B> const& train, probe_split<T, B> const& test,
                                       trained_encoder<T, B> const* encoder, set_probe_config const& config,
                                       probe_options const& options, train_callbacks const& callbacks = {},
                                       std::stop_token stop = {}, location at = location::current()) {
  input_kind const input = encoder == nullptr ? input_kind::paper : encoder->input;
  return detail::run_probe(b, train, test, input, options, callbacks, stop, at, [&](index_t sets, index_t clips) {
    return set_probe<T, B>(b, config, encoder == nullptr ? nullptr : encoder->model, sets, clips, at);
  });
}

/// The baseline without SCALE: always per clip, on x alone.
template <floating T, backend B>
probe_outcome<stat_t<T>> run_mlp_probe(B const& b, probe_split<T, B> const& train, probe_split<T, B> const& test,
                                       mlp_probe_config const& config, probe_options const& options,
                                       train_callbacks const& callbacks = {}, std::stop_token stop = {},
                                       location at = location::current()) {
  return detail::run_probe(
      b, train, test, input_kind::paper, options, callbacks, stop, at,
      [&](index_t sets, index_t clips) { return mlp_probe<T, B>(b, config, sets * clips, options.seed); });
}

/// Runs a probe on every fold of a split of the sources' stores and measures over all test videos: run(training split,
/// test split, fold) gives a probe_outcome.
template <floating T, backend B, class Run>
set_accuracies evaluate_probe(clip_source<T, B> const& train, clip_source<T, B> const& test, store_split const& split,
                              Run&& run, location at = location::current()) {
  index_t const clips = test.clips();
  host_matrix<stat_t<T>> pooled(test.videos() * clips, split.classes());
  for (fold const& f : split.folds) {
    auto const train_labels = take_elements(std::span<std::int32_t const>(split.labels.train), std::span(f.train), at);
    auto const test_labels = take_elements(std::span<std::int32_t const>(split.labels.test), std::span(f.test), at);
    probe_outcome<stat_t<T>> const part =
        run(probe_split<T, B>{train, f.train, train_labels}, probe_split<T, B>{test, f.test, test_labels}, f);
    index_t from = 0;
    for (index_t const video : f.test)
      for (index_t clip = 0; clip < clips; ++clip)
        std::ranges::copy(part.logits.row(from++), pooled.row(video * clips + clip).begin());
  }
  return measure_sets(pooled, split.labels.test, clips, at);
}

}  // namespace scale
