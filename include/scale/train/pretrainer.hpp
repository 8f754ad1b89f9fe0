// SPDX-License-Identifier: Apache-2.0
#pragma once
// Pre-training, step by step: model, optimiser, schedule and the memory of a batch (sections 4 and 5 of the method).

#include <scale/data/set_sampler.hpp>
#include <scale/eval/clip_source.hpp>
#include <scale/nn/pretraining_step.hpp>
#include <scale/nn/set_transformer_model.hpp>
#include <scale/optim/adamw.hpp>
#include <scale/optim/schedule.hpp>
#include <scale/train/checkpoint.hpp>
#include <scale/train/finite.hpp>
#include <scale/train/pretrain_options.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace scale {

/// The model that options ask for on features of this width.
inline set_transformer_config model_config_of(pretrain_options const& o, index_t features) {
  set_transformer_config c;
  c.features = features;
  c.width = o.hidden;
  c.layers = o.layers;
  c.mlp_ratio = o.mlp_ratio;
  c.dropout = o.dropout;
  c.pred_hidden = o.pred_hidden;
  c.target_hidden = o.target_hidden;
  c.set_dim = o.set_dim;
  c.dense_dim = o.dense_dim;
  c.set_temperature = o.set_temperature;
  c.dense_temperature = o.dense_temperature;
  c.set_weight = o.set_weight;
  c.dense_weight = o.dense_weight;
  return c;
}

/// A step's losses, and the rate it was done with.
struct pretrain_step_result {
  pretraining_losses losses;
  double lr = 0;
};

/// Holds everything of a run but its folder. The source is borrowed. Equal options, source and backend give equal
/// bits, whether steps are done in one go or after save and restore.
template <floating T, backend B>
class pretrainer {
 public:
  /// Throws argument_error for options or a source that cannot be: see check(), and a store whose videos have fewer
  /// clips than two sets take.
  pretrainer(B const& b, clip_source<T, B> const& source, pretrain_options const& options,
             location at = location::current())
      : options_(resolved(options, source, at)),
        source_(source),
        sampler_(source.videos(), source.clips(),
                 {.batch = options_.batch,
                  .sets = pretraining_sets,
                  .set_size = options_.set_size,
                  .mask_ratio = options_.mask_ratio,
                  .seed = options_.seed},
                 at),
        steps_(options_.iterations != 0 ? options_.iterations : options_.epochs * sampler_.steps_per_epoch()),
        schedule_(static_cast<double>(steps_), options_.warmup * static_cast<double>(steps_), at),
        model_(b, model_config_of(options_, source.width()), options_.seed, at),
        optimiser_(b, model_.parameters(), {.weight_decay = options_.wd}, at),
        step_(b, model_.config(), sampler_.batch(), options_.set_size, at),
        finite_(b),
        selection_(b, sampler_.batch(), clips_per_video()),
        x_(b, shape{sampler_.batch() * clips_per_video(), source.width()}),
        position_(b, shape{sampler_.batch() * clips_per_video(), position_width}) {
    expect(steps_ <= static_cast<index_t>((std::numeric_limits<std::uint32_t>::max)()), "pretrain",
           "a run has at most 2^32 - 1 steps", at);
    check(source, options_.input, at);
    model_.parameters().require_gradients(b);
    // start values are those of any element type: the masters' were never rounded
    if constexpr (!std::same_as<T, acc_t<T>>) model_.parameters().initialise(b, options_.seed);
  }

  /// With set_size filled in.
  pretrain_options const& options() const { return options_; }
  set_transformer_model<T, B>& model() { return model_; }
  set_transformer_model<T, B> const& model() const { return model_; }
  set_sampler const& sampler() const { return sampler_; }
  adamw<T, B>& optimiser() { return optimiser_; }

  index_t steps() const { return steps_; }
  index_t steps_done() const { return static_cast<index_t>(optimiser_.steps()); }
  index_t steps_per_epoch() const { return sampler_.steps_per_epoch(); }

  /// Steps that this object has refused.
  index_t refused() const { return refused_; }

  /// Rate of the step after `done` others.
  double rate(index_t done) const { return options_.lr * schedule_(static_cast<double>(done)); }

  /// The next step, on a batch drawn from (seed, step).
  pretrain_step_result step(B const& b) {
    sampler_.draw(steps_done(), drawn_);
    return step(b, drawn_);
  }

  /// The next step on a given batch: videos [n], clips and mask [n, 2, set_size]. Throws divergence_error, with the
  /// parameters of the step before, where a loss, gradient or parameter is not finite. It names the feature, position,
  /// parameter or tensor within the network that was the first; to find that tensor the step is computed again. Where
  /// all of these are finite then, it names the loss or the gradient.
  pretrain_step_result step(B const& b, set_batch const& batch) {
    index_t const done = steps_done();
    selection_.assign(b, batch.videos, batch.clips);
    index_t const rows = selection_.rows();
    tensor_view<T, 2, B> const x = x_.view().rows(0, rows), position = position_.view().rows(0, rows);
    selection_.gather_features(b, source_, options_.input, x);
    selection_.gather_positions(b, source_, position);
    clip_sets<T, B> const sets{.x = x, .position = position, .clips = options_.set_size, .mask = batch.mask};
    auto const number = static_cast<std::uint32_t>(done);
    pretrain_step_result out{step_.forward_backward(b, model_, sets, options_.seed, number), rate(done)};
    try {
      require_finite(out.losses.set_loss, "set_loss", done + 1);
      require_finite(out.losses.dense_loss, "dense_loss", done + 1);
      finite_.require(b, model_.parameters(), done + 1);
    } catch (divergence_error const& e) {
      ++refused_;
      require_finite_inputs(b, batch, x, position, done + 1);
      std::string const first = step_.first_not_finite(b, model_, sets, options_.seed, number);
      if (!first.empty()) throw divergence_error(done + 1, "NaN or infinity in " + first + ", so " + e.reason());
      throw;
    }
    optimiser_.step(b, model_.parameters(), out.lr);
    return out;
  }

  /// What decides this run's result: the options, the element type, the sizes of the store and its fingerprint.
  nlohmann::json identity(std::string const& store_fingerprint) const {
    nlohmann::json run = to_json(options_);
    run["dtype"] = std::string(name_of(dtype_of<T>));
    run["features"] = source_.width();
    run["videos"] = source_.videos();
    run["clips"] = source_.clips();
    run["store"] = store_fingerprint;
    return run;
  }

  /// Writes a checkpoint of the steps done so far.
  void save(B const& b, std::filesystem::path const& path, nlohmann::json const& identity) {
    write_checkpoint<T, B>(
        path, b, model_.parameters(), optimiser_.first_moments(), optimiser_.second_moments(),
        {steps_done(),
         steps_done() / steps_per_epoch(),
         identity,
         {{"kind", "warm_up_cosine"}, {"total", steps_}, {"warm", options_.warmup * double(steps_)}}});
  }

  /// Goes on from a checkpoint of the same run. Throws input_error, naming what differs, for any other.
  void restore(B const& b, std::filesystem::path const& path, nlohmann::json const& identity) {
    checkpoint_info const info = read_checkpoint<T, B>(path, b, identity, model_.parameters(),
                                                       optimiser_.first_moments(), optimiser_.second_moments());
    if (info.step > steps_)
      refuse_file(path, "it is of step " + std::to_string(info.step) + ", behind this run's last");
    optimiser_.set_steps(info.step);
  }

 private:
  /// For a step that is refused: throws divergence_error for what went into it and was not finite, if anything.
  void require_finite_inputs(B const& b, set_batch const& batch, tensor_view<T const, 2, B> x,
                             tensor_view<T const, 2, B> position, index_t step) {
    auto const check_rows = [&](char const* what, tensor_view<T const, 2, B> rows) {
      std::vector<T> host(static_cast<std::size_t>(rows.size()));
      download(b, rows, std::span<T>(host));
      for (std::size_t i = 0; i < host.size(); ++i) {
        if (std::isfinite(static_cast<double>(host[i]))) continue;
        std::size_t const row = i / static_cast<std::size_t>(rows.extent(1));
        detail::throw_not_finite(
            step, std::string(what) + " " + std::to_string(i % static_cast<std::size_t>(rows.extent(1))) + " of clip " +
                      std::to_string(batch.clips[row]) + " of video " +
                      std::to_string(batch.videos[row / static_cast<std::size_t>(clips_per_video())]));
      }
    };
    check_rows("feature", x);
    check_rows("position", position);
    require_finite_parameters(b, model_.parameters(), step);
  }

  static pretrain_options resolved(pretrain_options options, clip_source<T, B> const& source, location at) {
    check(options, at);
    if (options.set_size == 0) options.set_size = (std::min)(source.clips() / pretraining_sets, index_t{8});
    if (options.set_size < 1 || options.set_size > source.clips() / pretraining_sets)
      throw_expected("pretrain", "set-size",
                     "two sets within the " + std::to_string(source.clips()) + " clips of a video",
                     std::to_string(options.set_size), at);
    return options;
  }

  index_t clips_per_video() const { return pretraining_sets * options_.set_size; }

  pretrain_options options_;
  clip_source<T, B> source_;
  set_sampler sampler_;
  index_t steps_;
  warm_up_cosine schedule_;
  set_transformer_model<T, B> model_;
  adamw<T, B> optimiser_;
  pretraining_step<T, B> step_;
  finite_check<T, B> finite_;
  clip_selection<B> selection_;
  tensor<T, 2, B> x_, position_;
  set_batch drawn_;
  index_t refused_ = 0;
};

}  // namespace scale
