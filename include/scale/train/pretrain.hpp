// SPDX-License-Identifier: Apache-2.0
#pragma once
// A whole pre-training run in a folder: metrics, checkpoints, stopping and resuming, the model in the end.

#include <scale/data/feature_store.hpp>
#include <scale/eval/same_extraction.hpp>
#include <scale/eval/store_clips.hpp>
#include <scale/io/folder_lock.hpp>
#include <scale/io/json_lines.hpp>
#include <scale/train/model_file.hpp>
#include <scale/train/pretrainer.hpp>
#include <scale/train/progress.hpp>
#include <scale/train/run_folder.hpp>

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace scale {

enum class run_start {
  fresh,   // a folder that holds any file of a run is refused
  resume,  // from the newest checkpoint; from the beginning where the run had none yet
};

/// Where a run lives and what it is of.
struct pretrain_run {
  std::filesystem::path folder;
  run_start start = run_start::fresh;
  double checkpoint_seconds = 60;  // at least so long between checkpoints, which are written at the end of an epoch
  std::string store{};             // fingerprint of the store
  std::string backbone{}, weights_sha256{};
  nlohmann::json extraction = nlohmann::json::object();  // extraction_of the store
  std::vector<double> input_scale{};                     // s, for centred input
  nlohmann::json config = nlohmann::json::object();      // the caller's own options, written to config.json too
};

struct pretrain_result {
  std::optional<pretraining_losses> last;  // of the last step; of a run that was done before, if its metrics are there
  std::filesystem::path model;
  index_t steps = 0;
  index_t steps_here = 0;  // 0: the run was done before
  index_t refused = 0;     // steps, each of which ended the run until it was resumed
};

namespace detail {

inline nlohmann::json metrics_line(train_progress const& p) {
  return {{"step", p.step},
          {"epoch", p.epoch},
          {"loss", p.loss},
          {"set_loss", p.set_loss},
          {"dense_loss", p.dense_loss},
          {"set_acc", p.set_accuracy},
          {"dense_acc", p.dense_accuracy},
          {"lr", p.lr},
          {"seconds", p.seconds}};
}

/// The losses of the last line that metrics_line made.
inline std::optional<pretraining_losses> last_losses(std::filesystem::path const& metrics) {
  nlohmann::json last;
  for_each_json_line(metrics, [&](nlohmann::json line) { last = std::move(line); });
  if (last.is_null()) return std::nullopt;
  pretraining_losses out;
  for (auto const& [key, member] :
       {std::pair{"loss", &out.total}, std::pair{"set_loss", &out.set_loss}, std::pair{"dense_loss", &out.dense_loss},
        std::pair{"set_acc", &out.set_accuracy}, std::pair{"dense_acc", &out.dense_accuracy}}) {
    if (!last.contains(key) || !last.at(key).is_number())
      refuse_file(metrics, "the last line lacks the number \"" + std::string(key) + "\"");
    *member = last.at(key).get<double>();
  }
  return out;
}

}  // namespace detail

/// Trains to the end of the schedule, one line of metrics.jsonl per step, and writes model.safetensors. The newest two
/// checkpoints stay. Files that are not this run's are neither replaced nor gone on from: argument_error or
/// input_error. A request to stop is followed after the step in progress: a checkpoint is written, then cancelled_error
/// thrown; resuming gives the same bits as a run that was never stopped. A step that diverges is refused: a
/// line of metrics.jsonl says why and how many were refused so far, divergence_error is thrown, and the last checkpoint
/// stays. Resuming keeps that line. A folder that another
/// process trains in is refused. Progress is reported after every step.
template <floating T, backend B>
pretrain_result pretrain(B const& b, clip_source<T, B> const& source, pretrain_options const& options,
                         pretrain_run const& run, train_callbacks const& callbacks = {}, std::stop_token stop = {},
                         location at = location::current()) {
  pretrainer<T, B> trainer(b, source, options, at);
  run_folder const folder(run.folder);
  folder_lock const lock(folder.path());
  nlohmann::json const identity = trainer.identity(run.store);
  auto const say = [&](std::string const& text) {
    if (callbacks.message) callbacks.message(text);
  };
  if (!lock.is_held())
    say("the file system of " + run.folder.string() + " has no locks: see that no second run writes there");
  nlohmann::json config = run.config;
  config.update(to_json(trainer.options()));
  if (run.start == run_start::fresh) {
    folder.require_unused();
  } else if (std::optional<index_t> const newest = folder.newest_checkpoint()) {
    trainer.restore(b, folder.checkpoint_file(*newest), identity);
    say("going on after step " + std::to_string(*newest) + " of " + std::to_string(trainer.steps()));
  } else {
    folder.require_beginning_of(config);
    say("there is no checkpoint in " + run.folder.string() + ": starting from the beginning");
  }
  if (trainer.sampler().batch_was_reduced())
    say("the store has " + std::to_string(source.videos()) + " videos, fewer than the batch of " +
        std::to_string(trainer.options().batch) + ": all of them are the batch");
  if (trainer.options().input == input_kind::centred && 2 * trainer.options().set_size == source.clips())
    say("the two sets of a step are all " + std::to_string(source.clips()) +
        " clips of a video: once centred, their means are opposite, and set contrast can be solved by that alone; "
        "store more clips per video, or take smaller sets");
  folder.remove_unfinished();
  folder.write_config(config);
  index_t const first = trainer.steps_done(), per_epoch = trainer.steps_per_epoch();
  index_t const refused = folder.cut_metrics(first);
  json_lines_writer metrics(folder.metrics_file());
  auto const checkpoint = [&] {
    metrics.synchronise();
    trainer.save(b, folder.checkpoint_file(trainer.steps_done()), identity);
    folder.prune_checkpoints();
  };
  progress_clock const clock;
  double last_checkpoint = 0;
  pretrain_result result{{}, folder.model_file(), trainer.steps(), trainer.steps() - first, refused};
  if (first == trainer.steps()) result.last = detail::last_losses(folder.metrics_file());
  while (trainer.steps_done() < trainer.steps()) {
    if (stop.stop_requested()) {
      index_t const done = trainer.steps_done();
      if (folder.newest_checkpoint() != done) checkpoint();
      throw cancelled_error("pre-training stopped on request after step " + std::to_string(done) + " of " +
                            std::to_string(trainer.steps()) + "; resume " + run.folder.string() + " to go on");
    }
    pretrain_step_result const step = [&] {
      try {
        return trainer.step(b);
      } catch (divergence_error const& e) {
        metrics.write({{"step", e.step()}, {"refused", e.reason()}, {"refusals", refused + trainer.refused()}});
        throw;
      }
    }();
    result.last = step.losses;
    train_progress p;
    p.step = trainer.steps_done();
    p.steps = trainer.steps();
    p.epoch = (p.step - 1) / per_epoch + 1;
    p.epochs = (p.steps + per_epoch - 1) / per_epoch;
    p.loss = step.losses.total;
    p.set_loss = step.losses.set_loss;
    p.dense_loss = step.losses.dense_loss;
    p.set_accuracy = step.losses.set_accuracy;
    p.dense_accuracy = step.losses.dense_accuracy;
    p.lr = step.lr;
    clock.stamp(p, trainer.sampler().batch(), first);
    metrics.write(detail::metrics_line(p));
    if (p.step == p.steps || (p.step % per_epoch == 0 && p.seconds - last_checkpoint >= run.checkpoint_seconds)) {
      checkpoint();
      last_checkpoint = p.seconds;
    }
    if (callbacks.progress) callbacks.progress(p);
  }
  model_description about;
  about.config = trainer.model().config();
  about.input = trainer.options().input;
  about.input_scale = about.input == input_kind::centred ? run.input_scale : std::vector<double>();
  about.backbone = run.backbone;
  about.weights_sha256 = run.weights_sha256;
  about.extraction = run.extraction;
  about.run = identity;
  write_model(folder.model_file(), b, trainer.model().parameters(), about);
  return result;
}

/// The same on a feature store, as store_clips makes it readable. Fills in what `run` says of the store.
template <floating T, backend B>
pretrain_result pretrain(B const& b, feature_store const& store, pretrain_options const& options, pretrain_run run,
                         train_callbacks const& callbacks = {}, std::stop_token stop = {},
                         location at = location::current()) {
  store_clips<T, B> const clips(b, store, options.input, {}, at);
  auto const text = [&](char const* key) {
    auto const& provenance = store.provenance();
    return provenance.contains(key) && provenance.at(key).is_string() ? provenance.at(key).template get<std::string>()
                                                                      : std::string();
  };
  run.store = store.fingerprint();
  run.backbone = text("backbone");
  run.weights_sha256 = text("weights_sha256");
  run.extraction = extraction_of(store.provenance());
  run.input_scale = clips.scale();
  return pretrain<T, B>(b, clips.source(), options, run, callbacks, stop, at);
}

}  // namespace scale
