// SPDX-License-Identifier: Apache-2.0
#pragma once
// The set transformer with memory of its own: encodes sets for use, and takes gradients back for fine-tuning.

#include <scale/nn/set_transformer.hpp>
#include <scale/nn/set_transformer_model.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

namespace scale {

/// What an encoder puts out; a view without data is not asked for, and without `h` only the summaries are computed in
/// the last block.
template <floating T, backend B>
struct encoded_sets {
  tensor_view<T, 2, B> h{};    // [sets * clips, width]  =, 0 for clips beyond a set's length; contiguous
  tensor_view<T, 2, B> cls{};  // [sets, width]          =
};

/// Their gradients; a view without data stands for 0.
template <floating T, backend B>
struct encoded_set_gradients {
  tensor_view<T const, 2, B> dh{};    // [sets * clips, width]; rows beyond a set's length are not read
  tensor_view<T const, 2, B> dcls{};  // [sets, width]
};

template <floating T, backend B>
class encoding_step {
 public:
  /// Memory for up to `max_sets` sets of `max_clips` clips at once; for training several times that of inference.
  /// `table` is that of the parameters to come, which may hold more than the set transformer's.
  encoding_step(B const& b, set_transformer_config const& config, parameter_table const& table, pass mode,
                index_t max_sets, index_t max_clips, location at = location::current())
      : config_(config), mode_(mode), max_sets_(max_sets), transformer_(config, table, at) {
    if (max_sets < 1) throw_expected("encoding_step", "max_sets", "at least 1", std::to_string(max_sets), at);
    if (max_clips < 1) throw_expected("encoding_step", "max_clips", "at least 1", std::to_string(max_clips), at);
    transformer_.reserve(max_sets, max_clips);
    arena<B> planned;
    transformer_.plan(planned, mode, max_sets, max_clips);
    arena_ = arena<B>(b, planned.peak());
  }

  /// Inference: no dropout, nothing kept. Any number of sets; more than `max_sets` are done in parts.
  void encode(B const& b, parameters<T, B> const& p, clip_sets<T, B> const& in, encoded_sets<T, B> const& out,
              location at = location::current()) {
    index_t const sets = expect_outputs(in, out.h, out.cls, at);
    for (index_t begin = 0; begin < sets; begin += max_sets_) {
      index_t const count = (std::min)(max_sets_, sets - begin);
      clip_sets<T, B> part = in;
      part.x = in.x.rows(begin * in.clips, count * in.clips);
      part.position = in.position.rows(begin * in.clips, count * in.clips);
      if (!in.lengths.empty())
        part.lengths = in.lengths.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count));
      encoded_sets<T, B> part_out;
      if (out.h.has_data()) part_out.h = out.h.rows(begin * in.clips, count * in.clips);
      if (out.cls.has_data()) part_out.cls = out.cls.rows(begin, count);
      run(b, p, part, pass::inference, {}, part_out, at);
    }
    output_ = {};  // nothing was kept for a backward
  }

  /// Training: at most `max_sets` sets, dropout as given; keeps what backward needs.
  void forward(B const& b, parameters<T, B> const& p, clip_sets<T, B> const& in, step_dropout const& dropout,
               encoded_sets<T, B> const& out, location at = location::current()) {
    expect(mode_ == pass::training, "encoding_step", "forward: this encoder was made for inference; use encode", at);
    index_t const sets = expect_outputs(in, out.h, out.cls, at);
    if (sets > max_sets_)
      throw_expected("encoding_step", "sets", "at most " + std::to_string(max_sets_), std::to_string(sets), at);
    run(b, p, in, pass::training, dropout, out, at);
    has_h_ = out.h.has_data();
  }

  /// Adds to the parameters' gradients what follows from the gradients of the last forward's outputs, once for each
  /// forward. dh can be given only where that forward put out h.
  void backward(B const& b, parameters<T, B>& p, encoded_set_gradients<T, B> const& gradients,
                location at = location::current()) {
    token_selection const& s = transformer_.selection();
    expect(output_.has_data(), "encoding_step", "backward: there was no forward, or it has had its backward", at);
    expect(has_h_ || !gradients.dh.has_data(), "encoding_step", "dh is given, but the forward put out no h", at);
    expect_shape_if_given("encoding_step", "dh", gradients.dh, shape{s.clip_count(), config_.width}, at);
    expect_shape_if_given("encoding_step", "dcls", gradients.dcls, shape{s.sets, config_.width}, at);
    arena_scope const scope(arena_);
    tensor_view<T, 2, B> const dout = arena_.template take<T>(output_.extents());
    fill(b, dout, 0);
    if (gradients.dcls.has_data())
      gather_rows_backward(b, gradients.dcls, {.index = transformer_.summary_rows(), .dx = dout});
    if (gradients.dh.has_data()) {
      arena_scope const rows_scope(arena_);
      tensor_view<T const, 2, B> rows = gradients.dh;
      if (!s.all_placed()) {
        tensor_view<T, 2, B> const existing = arena_.template take<T>(shape{clip_rows_count(), config_.width});
        gather_rows_forward(b, gradients.dh, {.index = transformer_.clip_numbers(), .y = existing});
        rows = existing;
      }
      gather_rows_backward(b, rows, {.index = transformer_.clip_rows(), .dx = dout});
    }
    transformer_.backward(b, p, arena_, dout);
    output_ = {};  // what forward kept is used up
  }

 private:
  index_t expect_outputs(clip_sets<T, B> const& in, tensor_view<T, 2, B> h, tensor_view<T, 2, B> cls,
                         location at) const {
    constexpr auto op = "encoding_step";
    index_t const rows = in.x.extent(0);
    if (in.clips < 1 || rows % in.clips != 0)
      throw_expected(op, "clips", "at least 1 and a divisor of x.extent(0) = " + std::to_string(rows),
                     std::to_string(in.clips), at);
    index_t const sets = rows / in.clips;
    expect_shape(op, "position", in.position, shape{rows, position_width}, at);
    if (!in.lengths.empty() && static_cast<index_t>(in.lengths.size()) != sets)
      throw_expected(op, "lengths size", std::to_string(sets), std::to_string(in.lengths.size()), at);
    expect(in.mask.empty(), op, "clips are masked in pre-training only", at);
    expect_shape_if_given(op, "h", h, shape{rows, config_.width}, at);
    expect_contiguous(op, "h", h, at);
    expect_shape_if_given(op, "cls", cls, shape{sets, config_.width}, at);
    return sets;
  }

  index_t clip_rows_count() const { return transformer_.clip_rows().extent(0); }

  void run(B const& b, parameters<T, B> const& p, clip_sets<T, B> const& in, pass mode, step_dropout const& dropout,
           encoded_sets<T, B> const& out, location at) {
    arena_.release(0);
    token_outputs const outputs = out.h.has_data() ? token_outputs::all : token_outputs::summaries_only;
    output_ = transformer_.forward(b, p, arena_, in, outputs, mode, dropout, at);
    if (out.cls.has_data()) gather_rows_forward(b, output_, {.index = transformer_.summary_rows(), .y = out.cls});
    if (!out.h.has_data()) return;
    if (transformer_.selection().all_placed()) {
      gather_rows_forward(b, output_, {.index = transformer_.clip_rows(), .y = out.h});
      return;
    }
    arena_scope const scope(arena_);
    tensor_view<T, 2, B> const existing = arena_.template take<T>(shape{clip_rows_count(), config_.width});
    gather_rows_forward(b, output_, {.index = transformer_.clip_rows(), .y = existing});
    fill(b, out.h, 0);
    gather_rows_backward(b, existing, {.index = transformer_.clip_numbers(), .dx = out.h});
  }

  set_transformer_config config_;
  pass mode_;
  index_t max_sets_;
  set_transformer<T, B> transformer_;
  arena<B> arena_;
  tensor_view<T, 2, B> output_;
  bool has_h_ = false;
};

}  // namespace scale
