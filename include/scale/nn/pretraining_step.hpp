// SPDX-License-Identifier: Apache-2.0
#pragma once
// One evaluation of the pre-training loss and its gradient for a batch of videos.

#include <scale/nn/pretraining_objective.hpp>
#include <scale/nn/set_transformer.hpp>
#include <scale/nn/set_transformer_model.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace scale {

/// Of a batch. Accuracies in percent.
struct pretraining_losses {
  double set_loss = 0;
  double dense_loss = 0;  // 0 where nothing is masked
  double total = 0;       // (set_weight set_loss + dense_weight dense_loss) / (set_weight + dense_weight)
  double set_accuracy = 0;
  double dense_accuracy = 0;  // 0 where nothing is masked
  index_t masked = 0;         // clips
};

/// Owns the memory of a step, planned at construction for the largest batch: a step allocates none.
template <floating T, backend B>
class pretraining_step {
 public:
  /// For batches of up to `max_videos` videos with two sets of up to `max_clips` clips. The heads must be present.
  pretraining_step(B const& b, set_transformer_config const& config, index_t max_videos, index_t max_clips,
                   location at = location::current())
      : pretraining_step(b, config, parameter_table(set_transformer_parameters(config, at)), max_videos, max_clips,
                         at) {}

  /// Losses of the batch; the model's gradients = those of `total`, in training mode with the configuration's dropout,
  /// whose draws follow from (seed, step). x and position [videos * 2 * clips, .], a video's sets one after another.
  /// An empty mask masks nothing. Equal arguments give equal bits wherever the backend's operators do.
  pretraining_losses forward_backward(B const& b, set_transformer_model<T, B>& model, clip_sets<T, B> const& batch,
                                      std::uint64_t seed, std::uint32_t step, location at = location::current()) {
    expect_batch(model, batch, at);
    parameters<T, B>& p = model.parameters();
    p.require_gradients(b);
    p.zero_gradients(b);
    arena_.release(0);
    step_dropout const dropout{config_.dropout, seed, step};
    tensor_view<T, 2, B> const h =
        transformer_.forward(b, p, arena_, batch, token_outputs::masked, pass::training, dropout, at);
    tensor_view<T, 2, B> const dh = arena_.template take<T>(h.extents());
    index_t const sets = transformer_.selection().sets;
    index_t const masked = transformer_.clip_rows().extent(0);
    z_ = arena_.template take<T>(shape{sets, config_.set_dim});
    objective_result<T, B> const set_result = take_result(2), dense_result = take_result(1);
    double const weights = config_.set_weight + config_.dense_weight;

    fill(b, dh, 0);
    set_part(b, p, h, dh, config_.set_weight / weights, set_result);
    if (masked != 0) dense_part(b, p, h, dh, batch.x, config_.dense_weight / weights, dense_result);
    arena_.computed(b, "output gradient", "norm", "", dh);
    transformer_.backward(b, p, arena_, dh);

    pretraining_losses losses;
    losses.masked = masked;
    std::int32_t correct[2] = {};
    losses.set_loss = read(b, set_result, std::span(correct, 2));
    losses.set_accuracy =
        100.0 * (static_cast<double>(correct[0]) + static_cast<double>(correct[1])) / static_cast<double>(sets);
    if (masked != 0) {
      losses.dense_loss = read(b, dense_result, std::span(correct, 1));
      losses.dense_accuracy = 100.0 * static_cast<double>(correct[0]) / static_cast<double>(masked);
    }
    losses.total = (config_.set_weight * losses.set_loss + config_.dense_weight * losses.dense_loss) / weights;
    return losses;
  }

  /// The name of the first tensor within the network that is not finite when forward_backward is called like this;
  /// empty where all are finite, and where only those are not that are not looked at: statistics, losses, parameters
  /// and their gradients.
  std::string first_not_finite(B const& b, set_transformer_model<T, B>& model, clip_sets<T, B> const& batch,
                               std::uint64_t seed, std::uint32_t step, location at = location::current()) {
    tensor_watch watch;
    arena_.watch(&watch);
    try {
      forward_backward(b, model, batch, seed, step, at);
    } catch (...) {
      arena_.watch(nullptr);
      throw;
    }
    arena_.watch(nullptr);
    return watch.first();
  }

  /// Normalised set projections [videos * 2, set_dim] of the last call; valid until the next.
  tensor_view<T const, 2, B> z() const { return z_; }

  /// Bytes of memory owned.
  std::size_t bytes() const { return arena_.capacity(); }

  /// Records in `log` what the next calls take of it and when; see arena::record.
  void record(arena_log* log) { arena_.record(log); }

 private:
  pretraining_step(B const& b, set_transformer_config const& config, parameter_table const& table, index_t max_videos,
                   index_t max_clips, location at)
      : config_(config), transformer_(config, table), set_(config, table), dense_(config, table) {
    if (max_videos < 1) throw_expected("pretraining_step", "max_videos", "at least 1", std::to_string(max_videos), at);
    if (max_clips < 1) throw_expected("pretraining_step", "max_clips", "at least 1", std::to_string(max_clips), at);
    index_t const sets = max_videos * pretraining_sets, clips = sets * max_clips;
    transformer_.reserve(sets, max_clips);
    arena<B> planned;
    transformer_.plan_kept(planned, pass::training, sets, max_clips);
    planned.template take<T>(shape{sets + clips, config.width});
    planned.template take<T>(shape{sets, config.set_dim});
    for (int i = 0; i < 4; ++i) planned.template take<stat_t<T>>(shape{index_t{2}});
    transformer_.plan_temporaries(planned, pass::training, sets, max_clips);
    for (int i = 0; i < 2; ++i) planned.template take<T>(shape{sets + clips, config.width});
    set_.plan(planned, sets);
    dense_.plan(planned, clips, clips);
    arena_ = arena<B>(b, planned.peak());
  }

  void expect_batch(set_transformer_model<T, B> const& model, clip_sets<T, B> const& batch, location at) const {
    constexpr auto op = "pretraining_step";
    set_transformer_config const& c = model.config();
    expect(c.heads == pretraining_heads::present && c.features == config_.features && c.width == config_.width &&
               c.layers == config_.layers && c.mlp_width() == config_.mlp_width() &&
               c.pred_hidden == config_.pred_hidden && c.target_hidden == config_.target_hidden &&
               c.set_dim == config_.set_dim && c.dense_dim == config_.dense_dim,
           op, "the model has other sizes than this step was made for", at);
    if (batch.clips < 1) throw_expected(op, "clips", "at least 1", std::to_string(batch.clips), at);
    index_t const per_video = pretraining_sets * batch.clips, rows = batch.x.extent(0);
    if (rows < per_video || rows % per_video != 0)
      throw_expected(op, "x.extent(0)", "a multiple of 2 * clips = " + std::to_string(per_video) + ", not 0",
                     std::to_string(rows), at);
    expect(batch.lengths.empty(), op, "sets of pre-training are full: lengths must be absent", at);
  }

  objective_result<T, B> take_result(index_t directions) {
    return {arena_.template take<stat_t<T>>(shape{index_t{1}}), arena_.template take<std::int32_t>(shape{directions})};
  }

  static double read(B const& b, objective_result<T, B> const& result, std::span<std::int32_t> correct) {
    stat_t<T> loss[1] = {};
    download(b, result.loss, std::span(loss));
    download(b, result.correct, correct);
    return static_cast<double>(loss[0]);
  }

  void set_part(B const& b, parameters<T, B>& p, tensor_view<T, 2, B> h, tensor_view<T, 2, B> dh, double scale,
                objective_result<T, B> result) {
    arena_scope const scope(arena_);
    tensor_view<std::int32_t const, 1, B> const rows = transformer_.summary_rows();
    tensor_view<T, 2, B> const summaries = arena_.template take<T>(shape{rows.extent(0), config_.width});
    tensor_view<T, 2, B> const dsummaries = arena_.template take<T>(summaries.extents());
    gather_rows_forward(b, h, {.index = rows, .y = summaries});
    arena_.computed(b, "input", "set_head", "", summaries);
    set_.forward_backward(b, p, arena_, summaries, scale, result, z_, dsummaries);
    gather_rows_backward(b, dsummaries, {.index = rows, .dx = dh});
  }

  void dense_part(B const& b, parameters<T, B>& p, tensor_view<T, 2, B> h, tensor_view<T, 2, B> dh,
                  tensor_view<T const, 2, B> x, double scale, objective_result<T, B> result) {
    arena_scope const scope(arena_);
    tensor_view<std::int32_t const, 1, B> const rows = transformer_.clip_rows();
    tensor_view<T, 2, B> const masked = arena_.template take<T>(shape{rows.extent(0), config_.width});
    tensor_view<T, 2, B> const dmasked = arena_.template take<T>(masked.extents());
    gather_rows_forward(b, h, {.index = rows, .y = masked});
    arena_.computed(b, "input", "dense_pred_head", "", masked);
    dense_.forward_backward(b, p, arena_, masked, x, transformer_.clip_numbers(), scale, result, dmasked);
    gather_rows_backward(b, dmasked, {.index = rows, .dx = dh});
  }

  set_transformer_config config_;
  set_transformer<T, B> transformer_;
  set_objective<T, B> set_;
  dense_objective<T, B> dense_;
  arena<B> arena_;
  tensor_view<T, 2, B> z_;
};

}  // namespace scale
