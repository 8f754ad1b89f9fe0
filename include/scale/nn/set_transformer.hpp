// SPDX-License-Identifier: Apache-2.0
#pragma once
// The set transformer: clips of a set in, the set's summary and the clips' contextual vectors out (the paper's
// section 3), forward and backward.

#include <scale/nn/set_transformer_config.hpp>
#include <scale/nn/token_selection.hpp>
#include <scale/nn/transformer_block.hpp>
#include <scale/ops/assemble_tokens.hpp>
#include <scale/ops/relu.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace scale {

/// A batch of sets of `clips` clips each. Mask and lengths are the host's and may be absent.
template <floating T, backend B>
struct clip_sets {
  tensor_view<T const, 2, B> x;             // [sets * clips, features]
  tensor_view<T const, 2, B> position;      // [sets * clips, 7]
  index_t clips = 0;                        // per set
  std::span<std::uint8_t const> mask{};     // [sets * clips]  not 0: masked
  std::span<std::int32_t const> lengths{};  // [sets]          clips that exist; what lies behind is never read
};

/// Holds no parameters and no memory, but the views of its last forward pass: those and the arena's contents must stay
/// until backward. One object serves one thread.
template <floating T, backend B>
class set_transformer {
 public:
  using matrix = tensor_view<T, 2, B>;
  using indices = tensor_view<std::int32_t, 1, B>;

  /// `table` is that of the parameters to come. Throws argument_error where it lacks a parameter of the configuration
  /// or has it in another shape; what else it holds is left alone.
  set_transformer(set_transformer_config const& config, parameter_table const& table, location at = location::current())
      : config_(expect_parameters(config, table, at)),
        cls_token_(table.number("set_cls_token")),
        has_mask_token_(table.contains("msk_token")),
        mask_token_(has_mask_token_ ? table.number("msk_token") : 0),
        input_projection_(table, "input_projection"),
        position0_(table, "pos_encoding_mlp.0"),
        position2_(table, "pos_encoding_mlp.2"),
        norm_(table, "norm") {
    for (index_t i = 0; i < config.layers; ++i)
      blocks_.emplace_back(table, "transformer." + std::to_string(i), config.attention_heads(),
                           static_cast<std::uint32_t>(4 * i));
    h_.resize(blocks_.size() + 1);
    states_.resize(blocks_.size());
  }

  /// So that forward allocates nothing on the host up to these sizes.
  void reserve(index_t max_sets, index_t max_clips) {
    selection_.reserve(max_sets, max_clips);
    token_lengths_.reserve(static_cast<std::size_t>(max_sets));
  }

  /// Takes from a counting arena what forward keeps for sets up to these sizes.
  void plan_kept(arena<B>& a, pass mode, index_t max_sets, index_t max_clips) const {
    index_t const r = max_sets * max_clips, n = r + max_sets, width = config_.width;
    for (int i = 0; i < 8; ++i) a.template take<std::int32_t>(shape{n});
    a.template take<T>(shape{r, config_.features});
    a.template take<T>(shape{r, position_width});
    a.template take<T>(shape{r, 2 * width});
    std::size_t const kept = mode == pass::training ? blocks_.size() : 1;
    for (std::size_t i = 0; i < kept; ++i) blocks_.front().template take_state<T>(a, mode, n, n, true, 1 + max_clips);
    for (std::size_t i = 0; i < kept + 2; ++i) a.template take<T>(shape{n, width});
    for (int i = 0; i < 2; ++i) a.template take<stat_t<T>>(shape{n});
  }

  /// The same for what forward and backward take besides, in a scope; not for the gradient given to backward.
  void plan_temporaries(arena<B>& a, pass mode, index_t max_sets, index_t max_clips) const {
    index_t const n = max_sets * (1 + max_clips), width = config_.width;
    arena_scope const scope(a);
    if (mode == pass::training) a.template take<T>(shape{n, width});
    {
      arena_scope const embedding(a);
      for (int i = 0; i < 5; ++i) a.template take<T>(shape{n, width});
    }
    blocks_.front().template plan_temporaries<T>(a, mode, n, n);
  }

  /// Both, and for training the gradient of the output and one more matrix of that size: all that a user needs who
  /// takes nothing else.
  void plan(arena<B>& a, pass mode, index_t max_sets, index_t max_clips) const {
    plan_kept(a, mode, max_sets, max_clips);
    arena_scope const scope(a);
    for (int i = 0; i < (mode == pass::training ? 2 : 1); ++i)
      a.template take<T>(shape{max_sets * (1 + max_clips), config_.width});
    plan_temporaries(a, mode, max_sets, max_clips);
  }

  /// Rows of the last norm's output [q, width]: all tokens that `outputs` names, in ascending order; `selection` tells
  /// which. They, and in training all that backward needs, stay in the arena.
  matrix forward(B const& b, parameters<T, B> const& p, arena<B>& a, clip_sets<T, B> const& in, token_outputs outputs,
                 pass mode, step_dropout const& dropout, location at = location::current()) {
    select(in, outputs, at);
    dropout_ = dropout;
    upload_selection(b, a, in);
    embed(b, p, a, in);
    auto const q = static_cast<index_t>(selection_.wanted.size());
    matrix const out = a.template take<T>(shape{q, config_.width});
    norm_statistics_ = {a.template take<stat_t<T>>(shape{q}), a.template take<stat_t<T>>(shape{q})};
    if (mode == pass::training)
      run_blocks_and_keep(b, p, a);
    else
      run_blocks(b, p, a);
    norm_.forward(b, p, h_.back(), norm_statistics_, out);
    a.computed(b, "output", "norm", "", out);
    return out;
  }

  token_selection const& selection() const { return selection_; }
  indices summary_rows() const { return summary_rows_; }  // [sets]  row of each summary in the output
  indices clip_rows() const { return clip_rows_; }        // [k]     row of each clip in the output
  indices clip_numbers() const { return clip_numbers_; }  // [k]     the clip's number, set * clips + j

  /// Adds to the parameters' gradients what follows from dout [q, width], the gradient of the last training forward's
  /// output, which is overwritten. x and position are constants: they have no gradient.
  void backward(B const& b, parameters<T, B>& p, arena<B>& a, matrix dout) {
    arena_scope const scope(a);
    norm_.backward(b, p, h_.back(), norm_statistics_, dout, dout, write_mode::assign);
    a.computed(b, "input gradient", "norm", "", dout);
    matrix dh = dout;
    for (std::size_t i = blocks_.size(); i-- > 0;) {
      token_layout<B> const layout = layout_of(i);
      matrix dx;
      if (layout.rows.has_data()) dx = a.template take<T>(shape{selection_.token_count(), config_.width});
      blocks_[i].backward(b, p, a, layout, dropout_, states_[i], h_[i], dh, dx);
      if (layout.rows.has_data()) dh = dx;
    }
    embedding_backward(b, p, a, dh);
  }

 private:
  static set_transformer_config const& expect_parameters(set_transformer_config const& config,
                                                         parameter_table const& table, location at) {
    set_transformer_config encoder = config;
    encoder.heads = pretraining_heads::absent;
    for (parameter_spec const& spec : set_transformer_parameters(encoder, at))
      expect(table.at(spec.name, at).shape == spec.shape, "set_transformer",
             "parameter " + spec.name + " has another shape than the configuration says", at);
    return config;
  }

  void select(clip_sets<T, B> const& in, token_outputs outputs, location at) {
    constexpr auto op = "set_transformer";
    index_t const r = in.x.extent(0);
    if (in.clips < 1) throw_expected(op, "clips", "at least 1", std::to_string(in.clips), at);
    if (r % in.clips != 0)
      throw_expected(op, "x.extent(0)", "a multiple of clips = " + std::to_string(in.clips), std::to_string(r), at);
    expect_shape(op, "x", in.x, shape{r, config_.features}, at);
    expect_shape(op, "position", in.position, shape{r, position_width}, at);
    selection_.select(r / in.clips, in.clips, in.mask, in.lengths, outputs, at);
    expect(has_mask_token_ || in.mask.empty(), op, "a mask is given, but the network has no mask token", at);
  }

  indices upload_indices(B const& b, arena<B>& a, std::span<std::int32_t const> host) const {
    indices const device = a.template take<std::int32_t>(shape{static_cast<index_t>(host.size())});
    upload(b, host, device);
    return device;
  }

  void upload_selection(B const& b, arena<B>& a, clip_sets<T, B> const& in) {
    token_selection const& s = selection_;
    source_ = upload_indices(b, a, s.source);
    projected_ = s.all_projected() ? indices{} : upload_indices(b, a, s.projected);
    placed_ = s.all_placed() ? indices{} : upload_indices(b, a, s.placed);
    wanted_ = s.all_wanted() ? indices{} : upload_indices(b, a, s.wanted);
    summary_rows_ = upload_indices(b, a, s.summary_rows);
    clip_rows_ = upload_indices(b, a, s.clip_rows);
    clip_numbers_ = upload_indices(b, a, s.clip_numbers);
    lengths_ = {};
    if (in.lengths.empty()) return;
    token_lengths_.assign(in.lengths.begin(), in.lengths.end());
    for (std::int32_t& length : token_lengths_) ++length;  // the summary token
    lengths_ = upload_indices(b, a, token_lengths_);
  }

  /// The rows of x that `index` names; x itself where it names none.
  tensor_view<T const, 2, B> chosen(B const& b, arena<B>& a, tensor_view<T const, 2, B> x, indices index) const {
    if (!index.has_data()) return x;
    matrix const rows = a.template take<T>(shape{index.extent(0), x.extent(1)});
    gather_rows_forward(b, x, {.index = index, .y = rows});
    return rows;
  }

  void embed(B const& b, parameters<T, B> const& p, arena<B>& a, clip_sets<T, B> const& in) {
    index_t const r = selection_.clip_count(), width = config_.width;
    x_ = chosen(b, a, in.x, projected_);
    position_ = chosen(b, a, in.position, placed_);
    hidden_ = a.template take<T>(shape{position_.extent(0), 2 * width});
    h_[0] = a.template take<T>(shape{selection_.token_count(), width});
    arena_scope const scope(a);
    index_t const u = x_.extent(0), padded = selection_.padded();
    matrix const projections = a.template take<T>(shape{u + padded, width});
    input_projection_.forward(b, p, x_, projections.rows(0, u));
    fill(b, projections.rows(u, padded), 0);
    a.computed(b, "output", "input_projection", "", projections);
    position0_.forward(b, p, position_, hidden_, activation::relu);
    a.computed(b, "activation", "pos_encoding_mlp", "", hidden_);
    matrix const places = a.template take<T>(shape{r, width});
    if (placed_.has_data()) {
      matrix const some = a.template take<T>(shape{position_.extent(0), width});
      position2_.forward(b, p, hidden_, some);
      fill(b, places, 0);
      gather_rows_backward(b, some, {.index = placed_, .dx = places});
    } else {
      position2_.forward(b, p, hidden_, places);
    }
    a.computed(b, "output", "pos_encoding_mlp", "", places);
    assemble_tokens_forward(b, projections,
                            {.position = places,
                             .source = source_,
                             .mask_token = mask_token(p),
                             .cls_token = p.vector(cls_token_),
                             .tokens = h_[0],
                             .clips = selection_.clips});
    a.computed(b, "tokens", "transformer", "", h_[0]);
  }

  void embedding_backward(B const& b, parameters<T, B>& p, arena<B>& a, matrix dtokens) {
    arena_scope const scope(a);
    index_t const width = config_.width, u = x_.extent(0);
    matrix const dprojections = a.template take<T>(shape{u + selection_.padded(), width});
    matrix const dplaces = a.template take<T>(shape{selection_.clip_count(), width});
    tensor_view<acc_t<T>, 1, B> dmask_token;
    if (has_mask_token_) dmask_token = p.vector_gradient(mask_token_);
    assemble_tokens_backward(b, dtokens,
                             {.source = source_,
                              .clips = selection_.clips,
                              .dprojected = dprojections,
                              .dposition = dplaces,
                              .dmask_token = dmask_token,
                              .dcls_token = p.vector_gradient(cls_token_)});
    a.computed(b, "output gradient", "input_projection", "", dprojections);
    a.computed(b, "output gradient", "pos_encoding_mlp", "", dplaces);
    input_projection_.backward(b, p, x_, dprojections.rows(0, u));
    tensor_view<T const, 2, B> const dsome = chosen(b, a, dplaces, placed_);
    matrix const dhidden = a.template take<T>(hidden_.extents());
    position2_.backward(b, p, hidden_, dsome, dhidden);
    a.computed(b, "activation gradient", "pos_encoding_mlp", "", dhidden);
    relu_backward(b, hidden_, {.dy = dhidden, .dx = dhidden});
    position0_.backward(b, p, position_, dhidden);
  }

  token_layout<B> layout_of(std::size_t block) const {
    token_layout<B> layout{.tokens = 1 + selection_.clips, .lengths = lengths_};
    if (block + 1 == blocks_.size()) layout.rows = wanted_;  // only the last block's unused rows are unused for good
    return layout;
  }

  block_state<T, B> take_state(arena<B>& a, pass mode, token_layout<B> const& layout) const {
    index_t const n = selection_.token_count();
    bool const rows_chosen = layout.rows.has_data();
    return blocks_.front().template take_state<T>(a, mode, n, rows_chosen ? layout.rows.extent(0) : n, rows_chosen,
                                                  layout.tokens);
  }

  void run_blocks_and_keep(B const& b, parameters<T, B> const& p, arena<B>& a) {
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      token_layout<B> const layout = layout_of(i);
      index_t const q = layout.rows.has_data() ? layout.rows.extent(0) : selection_.token_count();
      states_[i] = take_state(a, pass::training, layout);
      h_[i + 1] = a.template take<T>(shape{q, config_.width});
      blocks_[i].forward(b, p, a, layout, dropout_, states_[i], h_[i], h_[i + 1]);
    }
  }

  /// Two buffers take turns; one block's state serves all.
  void run_blocks(B const& b, parameters<T, B> const& p, arena<B>& a) {
    matrix const other = a.template take<T>(h_[0].extents());
    matrix const first = h_[0];
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      token_layout<B> const layout = layout_of(i);
      arena_scope const scope(a);
      block_state<T, B> const state = take_state(a, pass::inference, layout);
      matrix const y = i % 2 == 0 ? other : first;
      index_t const q = layout.rows.has_data() ? layout.rows.extent(0) : selection_.token_count();
      h_[i + 1] = y.rows(0, q);
      blocks_[i].forward(b, p, a, layout, dropout_, state, h_[i], h_[i + 1]);
    }
  }

  tensor_view<T const, 1, B> mask_token(parameters<T, B> const& p) const {
    return has_mask_token_ ? p.vector(mask_token_) : tensor_view<T const, 1, B>{};
  }

  set_transformer_config config_;
  std::size_t cls_token_;
  bool has_mask_token_;
  std::size_t mask_token_;
  linear_layer input_projection_, position0_, position2_;
  norm_layer norm_;
  std::vector<transformer_block> blocks_;

  token_selection selection_;
  std::vector<std::int32_t> token_lengths_;
  step_dropout dropout_;
  indices source_, projected_, placed_, wanted_, summary_rows_, clip_rows_, clip_numbers_, lengths_;
  tensor_view<T const, 2, B> x_, position_;
  matrix hidden_;
  std::vector<matrix> h_;
  std::vector<block_state<T, B>> states_;
  row_statistics<T, B> norm_statistics_;
};

}  // namespace scale
