// SPDX-License-Identifier: Apache-2.0
#pragma once
// Training a classifier on stored clips: linear probe, fine-tuning and MLP probe go through the same loop.

#include <scale/data/set_sampler.hpp>
#include <scale/eval/clip_source.hpp>
#include <scale/eval/set_classification.hpp>
#include <scale/ops/batch_norm.hpp>
#include <scale/optim/adamw.hpp>
#include <scale/optim/schedule.hpp>
#include <scale/train/finite.hpp>
#include <scale/train/probe_batch.hpp>
#include <scale/train/progress.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace scale {

enum class probe_schedule {
  own,       // no decay; the rate reaches 0 at the last iteration
  released,  // what the authors' probe really takes: decay and length of pre-training's schedule, never reaching 0
};

constexpr std::string_view name_of(probe_schedule s) noexcept { return s == probe_schedule::own ? "own" : "released"; }

inline probe_schedule probe_schedule_of(std::string_view name, location at = location::current()) {
  if (name == "own") return probe_schedule::own;
  if (name == "released") return probe_schedule::released;
  throw_expected("probe_schedule_of", "schedule", "own or released", name, at);
}

/// Section 6 of the method.
struct probe_options {
  index_t epochs = 60;
  index_t batch = 512;   // videos; a store with fewer is one batch
  index_t set_size = 0;  // clips drawn of each video; 0: all, at most 8
  double lr = 3e-4;
  double wd = 0;
  double warmup = 0.05;  // share of the schedule
  std::uint64_t seed = 42;
  probe_output output = probe_output::logits;
  probe_schedule schedule = probe_schedule::own;
  index_t pretrain_epochs = 200;  // for the released schedule
  double pretrain_wd = 1e-4;
};

/// Throws argument_error for the first option whose value makes no sense, by name.
inline void check(probe_options const& o, location at = location::current()) {
  auto const require = [&](bool good, char const* name, char const* expected, auto value) {
    if (!good) throw_expected("probe", name, expected, std::to_string(value), at);
  };
  constexpr index_t most = (std::numeric_limits<std::uint32_t>::max)();  // steps that random numbers can be keyed by
  require(o.epochs >= 1 && o.epochs <= most, "epochs", "1 to 2^32 - 1", o.epochs);
  require(o.pretrain_epochs >= 1 && o.pretrain_epochs <= most, "pretrain_epochs", "1 to 2^32 - 1", o.pretrain_epochs);
  require(o.batch >= 1, "batch", "at least 1", o.batch);
  require(o.set_size >= 0, "set_size", "at least 0", o.set_size);
  require(o.lr >= 0 && o.lr < 1e6, "lr", "not negative", o.lr);
  require(o.wd >= 0 && o.wd < 1e6, "wd", "not negative", o.wd);
  require(o.pretrain_wd >= 0 && o.pretrain_wd < 1e6, "pretrain_wd", "not negative", o.pretrain_wd);
  require(o.warmup >= 0 && o.warmup < 1, "warmup", "in [0, 1)", o.warmup);
}

/// One network in training: the optimiser, the memory of a batch, and its steps. `Network` is a set_probe or an
/// mlp_probe, made for at least `max_sets` sets of `max_clips` clips; it and the source are borrowed.
template <floating T, backend B, class Network>
class probe_trainer {
 public:
  probe_trainer(B const& b, Network& network, clip_source<T, B> const& source, input_kind input, index_t max_sets,
                index_t max_clips, double weight_decay = 0, location at = location::current())
      : network_(network),
        source_(source),
        input_(network.reads_input() ? input : input_kind::paper),
        weight_decay_(weight_decay),
        clips_(max_clips),
        x_(b, shape{max_sets * max_clips, source.width()}),
        dlogits_(b, shape{max_sets * max_clips, network.classes()}) {
    check(source, input_, at);
    if (!network.reads_input()) return;
    position_ = tensor<T, 2, B>(b, shape{max_sets * max_clips, position_width});
    if (input_ == input_kind::centred) centred_ = tensor<T, 2, B>(b, shape{max_sets * max_clips, source.width()});
  }

  /// One optimisation step on clips [videos, clips per set] of the given videos with their labels [videos]. Throws
  /// divergence_error, with parameters as they were, for a loss or gradient that is not finite.
  set_loss step(B const& b, std::span<std::int32_t const> videos, std::span<std::int32_t const> clips,
                std::span<std::int32_t const> labels, probe_output output, double lr) {
    if (!optimiser_) optimiser_.emplace(b, network_.params(), adamw_config{.weight_decay = weight_decay_});
    index_t const number = static_cast<index_t>(optimiser_->steps());
    host_matrix<stat_t<T>> const logits =
        forward(b, videos, clips, batch_norm_mode::training, static_cast<std::uint32_t>(number));
    host_matrix<stat_t<T>> gradient;
    index_t const per_set = logits.rows / static_cast<index_t>(videos.size());
    set_loss const out = classify_sets(logits, labels, per_set, output, &gradient);
    require_finite(out.loss, "the loss", number + 1);
    network_.params().zero_gradients(b);
    std::vector<T> const rounded(gradient.values.begin(), gradient.values.end());
    tensor_view<T, 2, B> const dlogits = dlogits_.view().rows(0, logits.rows);
    upload(b, std::span<T const>(rounded), dlogits);
    network_.backward(b, dlogits);
    require_finite_gradients(b, network_.params(), number + 1);
    optimiser_->step(b, network_.params(), lr);
    return out;
  }

  /// Logits [videos * clips, classes] of clips [videos, clips per set].
  host_matrix<stat_t<T>> forward(B const& b, std::span<std::int32_t const> videos, std::span<std::int32_t const> clips,
                                 batch_norm_mode mode, std::uint32_t step = 0) {
    index_t const per_set = static_cast<index_t>(clips.size() / videos.size());
    if (selection_clips_ != per_set) {
      selection_ = clip_selection<B>(b, x_.extent(0) / clips_, per_set);
      selection_clips_ = per_set;
    }
    selection_.assign(b, videos, clips);
    index_t const rows = selection_.rows();
    probe_batch<T, B> batch{.x = x_.view().rows(0, rows), .input = {}, .position = {}, .clips = per_set};
    selection_.gather_features(b, source_, input_kind::paper, x_.view().rows(0, rows));
    if (network_.reads_input()) {
      selection_.gather_positions(b, source_, position_.view().rows(0, rows));
      batch.position = position_.view().rows(0, rows);
      batch.input = batch.x;
      if (input_ == input_kind::centred) {
        selection_.gather_features(b, source_, input_, centred_.view().rows(0, rows));
        batch.input = centred_.view().rows(0, rows);
      }
    }
    tensor_view<T const, 2, B> const logits = network_.forward(b, batch, mode, step);
    std::vector<T> host(static_cast<std::size_t>(logits.size()));
    download(b, logits, std::span<T>(host));
    host_matrix<stat_t<T>> out(logits.extent(0), logits.extent(1));
    std::copy(host.begin(), host.end(), out.values.begin());
    return out;
  }

 private:
  Network& network_;
  clip_source<T, B> source_;
  input_kind input_;
  double weight_decay_;
  std::optional<adamw<T, B>> optimiser_;  // made at the first step: a tester needs no moments
  index_t clips_, selection_clips_ = -1;
  clip_selection<B> selection_;
  tensor<T, 2, B> x_, centred_, position_, dlogits_;
};

/// Clips drawn of each video by these options from a source with `clips` of them.
inline index_t probe_set_size(probe_options const& options, index_t clips, location at = location::current()) {
  if (options.set_size < 0 || options.set_size > clips)
    throw_expected("train_probe", "set_size", "at most the " + std::to_string(clips) + " clips of a video",
                   std::to_string(options.set_size), at);
  return options.set_size != 0 ? options.set_size : (std::min)(clips, index_t{8});
}

/// Trains on the videos `rows` of a source, whose labels [rows.size()] lie in [0, classes): one random set of clips of
/// each video per step. Nothing is selected: the network after the last step is the result. Deterministic for a seed.
/// Returns the last step's loss. Throws cancelled_error on request, between steps.
template <floating T, backend B, class Network>
set_loss train_probe(B const& b, Network& network, clip_source<T, B> const& source, input_kind input,
                     std::span<index_t const> rows, std::span<std::int32_t const> labels, probe_options const& options,
                     train_callbacks const& callbacks = {}, std::stop_token stop = {},
                     location at = location::current()) {
  expect(rows.size() == labels.size() && !rows.empty(), "train_probe", "expected training videos, a label for each",
         at);
  check(options, at);
  for (std::int32_t const label : labels)
    if (label < 0 || label >= network.classes())
      throw_expected("train_probe", "label", "within [0, " + std::to_string(network.classes()) + ")",
                     std::to_string(label), at);
  index_t const per_set = probe_set_size(options, source.clips(), at);
  set_sampler sampler(static_cast<index_t>(rows.size()), source.clips(),
                      {.batch = options.batch, .sets = 1, .set_size = per_set, .mask_ratio = 0, .seed = options.seed},
                      at);
  if (sampler.batch_was_reduced() && callbacks.message)
    callbacks.message("there are " + std::to_string(rows.size()) + " training videos, fewer than the batch of " +
                      std::to_string(options.batch) + ": all of them are the batch");
  bool const released = options.schedule == probe_schedule::released;
  index_t const per_epoch = sampler.steps_per_epoch(), steps = options.epochs * per_epoch;
  double const total = static_cast<double>(released ? (std::max)(options.pretrain_epochs * per_epoch, steps) : steps);
  warm_up_cosine const schedule(total, options.warmup * total, at);
  probe_trainer<T, B, Network> trainer(b, network, source, input, sampler.batch(), per_set,
                                       released ? options.pretrain_wd : options.wd, at);
  progress_clock const clock;
  set_batch draw;
  std::vector<std::int32_t> videos, batch_labels;
  set_loss last;
  for (index_t step = 0; step < steps; ++step) {
    if (stop.stop_requested())
      throw cancelled_error("train_probe: stopped on request after " + std::to_string(step) + " of " +
                            std::to_string(steps) + " steps");
    sampler.draw(step, draw, at);
    videos.clear();
    batch_labels.clear();
    for (std::int32_t const i : draw.videos) {
      videos.push_back(static_cast<std::int32_t>(rows[static_cast<std::size_t>(i)]));
      batch_labels.push_back(labels[static_cast<std::size_t>(i)]);
    }
    double const lr = options.lr * schedule(static_cast<double>(step));
    last = trainer.step(b, videos, draw.clips, batch_labels, options.output, lr);
    if (!callbacks.progress) continue;
    train_progress p;
    p.step = step + 1;
    p.steps = steps;
    p.epoch = step / per_epoch + 1;
    p.epochs = options.epochs;
    p.loss = last.loss;
    p.accuracy = last.accuracy;
    p.lr = lr;
    clock.stamp(p, sampler.batch(), 0);
    callbacks.progress(p);
  }
  return last;
}

/// Logits [rows.size() * clips, classes] of the videos `rows`, all stored clips of each as one set; no dropout, running
/// statistics. The network must have room for `batch` sets of all clips.
template <floating T, backend B, class Network>
host_matrix<stat_t<T>> test_probe(B const& b, Network& network, clip_source<T, B> const& source, input_kind input,
                                  std::span<index_t const> rows, index_t batch, std::stop_token stop = {},
                                  location at = location::current()) {
  index_t const n = static_cast<index_t>(rows.size()), clips = source.clips();
  expect(batch >= 1, "test_probe", "batch must be at least 1", at);
  host_matrix<stat_t<T>> out(n * clips, network.classes(), at);
  probe_trainer<T, B, Network> runner(b, network, source, input, (std::min)(batch, (std::max)(n, index_t{1})), clips, 0,
                                      at);
  for (index_t first = 0; first < n; first += batch) {
    if (stop.stop_requested()) throw cancelled_error("test_probe: stopped on request");
    index_t const count = (std::min)(batch, n - first);
    std::vector<std::int32_t> videos, chosen;
    for (index_t i = 0; i < count; ++i) {
      videos.push_back(static_cast<std::int32_t>(rows[static_cast<std::size_t>(first + i)]));
      for (index_t v = 0; v < clips; ++v) chosen.push_back(static_cast<std::int32_t>(v));
    }
    host_matrix<stat_t<T>> const part = runner.forward(b, videos, chosen, batch_norm_mode::inference);
    std::ranges::copy(part.values, out.row(first * clips).begin());
  }
  return out;
}

}  // namespace scale
