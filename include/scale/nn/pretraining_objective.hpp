// SPDX-License-Identifier: Apache-2.0
#pragma once
// The two objectives on the set transformer's output (the paper's section 3.3): set contrast and masked clip modelling,
// losses and gradients.

#include <scale/nn/projection_head.hpp>
#include <scale/nn/set_transformer_config.hpp>
#include <scale/ops/gather_rows.hpp>
#include <scale/ops/info_nce.hpp>
#include <scale/ops/l2_normalize.hpp>
#include <scale/ops/symmetric_info_nce.hpp>

#include <cstdint>

namespace scale {

/// Loss and hits of an objective, on the device.
template <floating T, backend B>
struct objective_result {
  tensor_view<stat_t<T>, 1, B> loss;          // [1]
  tensor_view<std::int32_t, 1, B> correct{};  // [1], or [2] for both directions of the set contrast
};

/// Vectors scaled to length 1, and what their backward needs.
template <floating T, backend B>
struct unit_rows {
  tensor_view<T, 2, B> raw, unit;     // [n, c]; backward uses raw for the gradient
  tensor_view<stat_t<T>, 1, B> norm;  // [n]

  static unit_rows take(arena<B>& a, index_t n, index_t c) {
    return {a.template take<T>(shape{n, c}), a.template take<T>(shape{n, c}), a.template take<stat_t<T>>(shape{n})};
  }
};

/// Set contrast: symmetric InfoNCE between the projected summaries of a video's two sets.
template <floating T, backend B>
class set_objective {
 public:
  set_objective(set_transformer_config const& config, parameter_table const& table)
      : config_(config), head_(table, "set_head"), state_(head_.template make_state<T, B>()) {}

  /// summaries [2 n, width], a video's two sets one after another; gradients of scale * loss: parameters +=,
  /// dsummaries [2 n, width] =. z [2 n, set_dim] = the normalised projections.
  void forward_backward(B const& b, parameters<T, B>& p, arena<B>& a, tensor_view<T const, 2, B> summaries,
                        double scale, objective_result<T, B> result, tensor_view<T, 2, B> z,
                        tensor_view<T, 2, B> dsummaries) {
    arena_scope const scope(a);
    index_t const rows = summaries.extent(0), n = rows / pretraining_sets;
    tensor_view<T, 2, B> const projected = take(a, rows);  // and later its gradient
    head_.forward(b, p, state_, summaries, projected, head_activation::stays);
    a.computed(b, "output", "set_head", "", projected);
    l2_normalize_forward(b, projected, {.y = z, .norm = norm_});
    a.computed(b, "unit vectors", "set_head", "", z);
    symmetric_info_nce_forward(b, set_of(z, 0),
                               {.other = set_of(z, 1),
                                .temperature = config_.set_temperature,
                                .lse_rows = lse_rows_.rows(0, n),
                                .lse_columns = lse_columns_.rows(0, n),
                                .loss = result.loss,
                                .correct = result.correct});
    symmetric_info_nce_backward(b, set_of(z, 0),
                                {.other = set_of(z, 1),
                                 .temperature = config_.set_temperature,
                                 .lse_rows = lse_rows_.rows(0, n),
                                 .lse_columns = lse_columns_.rows(0, n),
                                 .scale = scale,
                                 .da = set_of(projected, 0),
                                 .dother = set_of(projected, 1)});
    a.computed(b, "gradient of the unit vectors", "set_head", "", projected);
    l2_normalize_backward(b, z, {.dy = projected, .norm = norm_, .dx = projected});
    a.computed(b, "output gradient", "set_head", "", projected);
    head_.backward(b, p, state_, summaries, projected, dsummaries);
    a.computed(b, "input gradient", "set_head", "", dsummaries);
  }

  void plan(arena<B>& a, index_t rows) {
    arena_scope const scope(a);
    take(a, rows);
  }

 private:
  tensor_view<T, 2, B> take(arena<B>& a, index_t rows) {
    norm_ = a.template take<stat_t<T>>(shape{rows});
    lse_rows_ = a.template take<stat_t<T>>(shape{rows});
    lse_columns_ = a.template take<stat_t<T>>(shape{rows});
    head_.take_pre(a, state_, rows);
    head_.take_act(a, state_, rows);
    return a.template take<T>(shape{rows, config_.set_dim});
  }

  /// Every second row: set 0 or set 1 of all videos.
  static tensor_view<T, 2, B> set_of(tensor_view<T, 2, B> rows, index_t set) {
    index_t const c = rows.extent(1);
    return {rows.data_handle() + set * c, shape{rows.extent(0) / pretraining_sets, c},
            shape{pretraining_sets * c, index_t{1}}};
  }

  set_transformer_config config_;
  projection_head head_;
  head_state<T, B> state_;
  tensor_view<stat_t<T>, 1, B> norm_, lse_rows_, lse_columns_;
};

/// Masked clip modelling: InfoNCE of each masked clip's prediction against the targets of all clips of the batch.
template <floating T, backend B>
class dense_objective {
 public:
  dense_objective(set_transformer_config const& config, parameter_table const& table)
      : config_(config),
        prediction_(table, "dense_pred_head"),
        target_(table, "dense_target_head"),
        prediction_state_(prediction_.template make_state<T, B>()),
        target_state_(target_.template make_state<T, B>()) {}

  /// h [m, width] of the masked clips, x [n, features] of all clips (constants), clip_numbers [m] = which of the n each
  /// is. Gradients of scale * loss: parameters +=, dh [m, width] =. The largest memory of a step: three matrices
  /// [n, target_hidden] beside one [m, pred_hidden].
  void forward_backward(B const& b, parameters<T, B>& p, arena<B>& a, tensor_view<T const, 2, B> h,
                        tensor_view<T const, 2, B> x, tensor_view<std::int32_t const, 1, B> clip_numbers, double scale,
                        objective_result<T, B> result, tensor_view<T, 2, B> dh) {
    arena_scope const scope(a);
    index_t const m = h.extent(0), n = x.extent(0);
    take(a, m, n);
    {
      arena_scope const activations(a);
      prediction_.take_act(a, prediction_state_, m);
      prediction_.forward(b, p, prediction_state_, h, query_.raw, head_activation::goes);
      a.computed(b, "output", "dense_pred_head", "", query_.raw);
      l2_normalize_forward(b, query_.raw, {.y = query_.unit, .norm = query_.norm});
      a.computed(b, "unit vectors", "dense_pred_head", "", query_.unit);
    }
    {
      arena_scope const activations(a);
      target_.take_act(a, target_state_, n);
      target_.forward(b, p, target_state_, x, key_.raw, head_activation::stays);
      a.computed(b, "output", "dense_target_head", "", key_.raw);
      l2_normalize_forward(b, key_.raw, {.y = key_.unit, .norm = key_.norm});
      a.computed(b, "unit vectors", "dense_target_head", "", key_.unit);
      contrast(b, clip_numbers, scale, result);
      a.computed(b, "gradient of the unit vectors", "dense_pred_head", "", query_.raw);
      a.computed(b, "gradient of the unit vectors", "dense_target_head", "", key_.raw);
      l2_normalize_backward(b, key_.unit, {.dy = key_.raw, .norm = key_.norm, .dx = key_.raw});
      a.computed(b, "output gradient", "dense_target_head", "", key_.raw);
      target_.backward(b, p, target_state_, x, key_.raw);
    }
    prediction_.take_act(a, prediction_state_, m);
    prediction_.recompute(b, prediction_state_);
    l2_normalize_backward(b, query_.unit, {.dy = query_.raw, .norm = query_.norm, .dx = query_.raw});
    a.computed(b, "output gradient", "dense_pred_head", "", query_.raw);
    prediction_.backward(b, p, prediction_state_, h, query_.raw, dh);
    a.computed(b, "input gradient", "dense_pred_head", "", dh);
  }

  void plan(arena<B>& a, index_t m, index_t n) {
    arena_scope const scope(a);
    take(a, m, n);
    {
      arena_scope const activations(a);
      target_.take_act(a, target_state_, n);
    }
    prediction_.take_act(a, prediction_state_, m);
  }

 private:
  void take(arena<B>& a, index_t m, index_t n) {
    query_ = unit_rows<T, B>::take(a, m, config_.dense_dim);
    key_ = unit_rows<T, B>::take(a, n, config_.dense_dim);
    lse_ = a.template take<stat_t<T>>(shape{m});
    target_.take_pre(a, target_state_, n);
    prediction_.take_pre(a, prediction_state_, m);
  }

  /// Loss, and the gradients of both sides' unit rows in the place of the raw ones.
  void contrast(B const& b, tensor_view<std::int32_t const, 1, B> clip_numbers, double scale,
                objective_result<T, B> result) {
    info_nce_forward(b, query_.unit,
                     {.keys = key_.unit,
                      .target = clip_numbers,
                      .temperature = config_.dense_temperature,
                      .lse = lse_,
                      .loss = result.loss,
                      .correct = result.correct});
    fill(b, key_.raw, 0);
    info_nce_backward(b, query_.unit,
                      {.keys = key_.unit,
                       .target = clip_numbers,
                       .temperature = config_.dense_temperature,
                       .lse = lse_,
                       .scale = scale,
                       .dq = query_.raw,
                       .dkeys = key_.raw});
  }

  set_transformer_config config_;
  projection_head prediction_, target_;
  head_state<T, B> prediction_state_, target_state_;
  unit_rows<T, B> query_, key_;
  tensor_view<stat_t<T>, 1, B> lse_;
};

}  // namespace scale
