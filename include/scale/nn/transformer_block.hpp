// SPDX-License-Identifier: Apache-2.0
#pragma once
// A pre-norm transformer block over sets of tokens: h += Attn(LN(h)); h += MLP(LN(h)), forward and backward, for all
// rows or only for those that are used afterwards.

#include <scale/core/random.hpp>
#include <scale/nn/arena.hpp>
#include <scale/nn/linear_layer.hpp>
#include <scale/ops/attention.hpp>
#include <scale/ops/dropout.hpp>
#include <scale/ops/elementwise_product.hpp>
#include <scale/ops/gather_rows.hpp>
#include <scale/ops/gelu_dropout.hpp>

#include <cstdint>
#include <string>

namespace scale {

enum class pass {
  inference,  // nothing is kept
  training,   // forward keeps what backward needs
};

/// Dropout of one step: every element's fate follows from (seed, step, place in the network, element).
struct step_dropout {
  double p = 0;
  std::uint64_t seed = 0;
  std::uint32_t step = 0;

  random_key key(std::uint32_t place) const { return make_key(seed, step, purpose::dropout, place); }
};

/// How tokens form sets, and which rows a block puts out.
template <backend B>
struct token_layout {
  index_t tokens = 0;                               // per set
  tensor_view<std::int32_t const, 1, B> lengths{};  // [sets] optional: tokens that exist
  tensor_view<std::int32_t const, 1, B> rows{};     // [q] optional, ascending: rows put out; default all
};

/// What the forward pass keeps for the backward. n rows in, q rows out.
template <floating T, backend B>
struct block_state {
  row_statistics<T, B> statistics1, statistics2;  // [n], [q]
  tensor_view<T, 2, B> normed1;                   // [n, h]
  tensor_view<T, 2, B> normed1_rows;              // [q, h]       of the rows put out; only where rows are chosen
  tensor_view<T, 2, B> query, key_value, joint;   // all rows: joint [n, 3 h], the others its columns; else apart
  tensor_view<T, 3, B> probs;                     // [q, heads, tokens]
  tensor_view<T, 2, B> attended;                  // [q, h]
  tensor_view<T, 2, B> middle;                    // [q, h]       after the attention's residual sum
  tensor_view<T, 2, B> normed2;                   // [q, h]
  tensor_view<T, 2, B> pre;                       // [q, hidden]  before the MLP's GELU
};

class transformer_block {
 public:
  transformer_block() = default;

  /// Parameters NAME.norm1, .attn.qkv, .attn.proj, .norm2, .mlp.fc1, .mlp.fc2. `place` numbers the block's four
  /// dropouts: attention weights, attention output, MLP activation, MLP output.
  transformer_block(parameter_table const& table, std::string const& name, index_t heads, std::uint32_t place)
      : name_(name),
        heads_(heads),
        place_(place),
        width_(table.at(name + ".norm1.weight").shape[0]),
        hidden_(table.at(name + ".mlp.fc1.weight").shape[0]),
        norm1_(table, name + ".norm1"),
        norm2_(table, name + ".norm2"),
        qkv_(table, name + ".attn.qkv"),
        proj_(table, name + ".attn.proj"),
        fc1_(table, name + ".mlp.fc1"),
        fc2_(table, name + ".mlp.fc2") {}

  /// Lays out a state for n rows in and q rows out. `rows_chosen`: layouts will name their rows.
  template <floating T, backend B>
  block_state<T, B> take_state(arena<B>& a, pass mode, index_t n, index_t q, bool rows_chosen, index_t tokens) const {
    block_state<T, B> s;
    s.statistics1 = take_statistics<T>(a, n);
    s.statistics2 = take_statistics<T>(a, q);
    s.normed1 = a.template take<T>(shape{n, width_});
    if (rows_chosen) {
      s.normed1_rows = a.template take<T>(shape{q, width_});
      s.query = a.template take<T>(shape{q, width_});
      s.key_value = a.template take<T>(shape{n, 2 * width_});
    } else {
      s.joint = a.template take<T>(shape{n, 3 * width_});
      s.query = s.joint.columns(0, width_);
      s.key_value = s.joint.columns(width_, 2 * width_);
    }
    s.attended = a.template take<T>(shape{q, width_});
    s.middle = a.template take<T>(shape{q, width_});
    s.normed2 = a.template take<T>(shape{q, width_});
    if (mode == pass::inference) return s;
    s.probs = a.template take<T>(shape{q, heads_, tokens});
    s.pre = a.template take<T>(shape{q, hidden_});
    return s;
  }

  /// x [n, h] -> y [q, h] =; y must not alias x. The MLP's activation comes from the arena and goes back to it.
  template <floating T, backend B>
  void forward(B const& b, parameters<T, B> const& p, arena<B>& a, token_layout<B> const& layout,
               step_dropout const& dropout, block_state<T, B> const& s, matrix_arg<T const, B> x,
               matrix_arg<T, B> y) const {
    bool const chosen = layout.rows.has_data();
    norm1_.forward(b, p, x, s.statistics1, s.normed1);
    a.computed(b, "output", name_, "norm1", s.normed1);
    if (chosen) {
      gather_rows_forward(b, s.normed1, {.index = layout.rows, .y = s.normed1_rows});
      qkv_.rows_forward(b, p, 0, width_, s.normed1_rows, s.query);
      qkv_.rows_forward(b, p, width_, 2 * width_, s.normed1, s.key_value);
      a.computed(b, "queries", name_, "attn.qkv", s.query);
      a.computed(b, "keys and values", name_, "attn.qkv", s.key_value);
    } else {
      qkv_.forward(b, p, s.normed1, s.joint);
      a.computed(b, "output", name_, "attn.qkv", s.joint);
    }
    attention_forward(b, s.query,
                      {.k = s.key_value.columns(0, width_),
                       .v = s.key_value.columns(width_, width_),
                       .heads = heads_,
                       .tokens = layout.tokens,
                       .rows = layout.rows,
                       .lengths = layout.lengths,
                       .out = s.attended,
                       .probs = s.probs,
                       .dropout = dropout.p,
                       .key = dropout.key(place_)});
    a.computed(b, "weights", name_, "attn", s.probs);
    a.computed(b, "weighted values", name_, "attn", s.attended);
    proj_.forward(b, p, s.attended, s.middle);
    a.computed(b, "output", name_, "attn.proj", s.middle);
    tensor_view<T const, 2, B> residual = x;
    if (chosen) {
      gather_rows_forward(b, x, {.index = layout.rows, .y = y});
      residual = y;
    }
    dropout_forward(b, s.middle, residual_sum(s.middle, residual, dropout, 1, layout));
    a.computed(b, "sum after the attention", name_, "", s.middle);
    norm2_.forward(b, p, s.middle, s.statistics2, s.normed2);
    a.computed(b, "output", name_, "norm2", s.normed2);
    arena_scope const scope(a);
    tensor_view<T, 2, B> const act = a.template take<T>(shape{y.extent(0), hidden_});
    if (s.pre.has_data()) {
      fc1_.forward(b, p, s.normed2, s.pre);
      a.computed(b, "output", name_, "mlp.fc1", s.pre);
      gelu_dropout(b, s.pre, activated(act, {}, dropout, layout));
    } else {
      fc1_.forward(b, p, s.normed2, act, activation::gelu);
    }
    a.computed(b, "activation", name_, "mlp", act);
    fc2_.forward(b, p, act, y);
    a.computed(b, "output", name_, "mlp.fc2", y);
    dropout_forward(b, y, residual_sum(y, s.middle, dropout, 3, layout));
    a.computed(b, "output", name_, "", y);
  }

  /// Gradients from dy [q, h], which is overwritten, as is the state. Parameters +=. Where all rows were put out, the
  /// gradient of x is left in dy and dx is not used; else it is dx [n, h] =. Temporaries come from the arena and go
  /// back to it.
  template <floating T, backend B>
  void backward(B const& b, parameters<T, B>& p, arena<B>& a, token_layout<B> const& layout,
                step_dropout const& dropout, block_state<T, B> const& s, matrix_arg<T const, B> x, matrix_arg<T, B> dy,
                matrix_arg<T, B> dx) const {
    arena_scope const scope(a);
    index_t const n = x.extent(0), q = dy.extent(0);
    bool const chosen = layout.rows.has_data();
    tensor_view<T, 2, B> const dropped = dropout.p == 0 ? dy : a.template take<T>(shape{q, width_});
    tensor_view<T, 2, B> const dbranch = a.template take<T>(shape{q, width_});

    mlp_backward(b, p, a, layout, dropout, s, dy, dropped, dbranch);  // dy is the gradient of middle from here on
    a.computed(b, "gradient of the sum after the attention", name_, "", dy);

    undrop(b, dy, dropped, dropout, 1, layout);
    a.computed(b, "output gradient", name_, "attn.proj", dropped);
    proj_.backward(b, p, s.attended, dropped, dbranch);
    a.computed(b, "input gradient", name_, "attn.proj", dbranch);
    if (!chosen) {
      tensor_view<T, 2, B> const djoint = a.template take<T>(shape{n, 3 * width_});
      attention_gradient(b, layout, dropout, s, dbranch, djoint.columns(0, width_), djoint.columns(width_, 2 * width_));
      a.computed(b, "output gradient", name_, "attn.qkv", djoint);
      qkv_.backward(b, p, s.normed1, djoint, dbranch);
      a.computed(b, "input gradient", name_, "attn.qkv", dbranch);
      norm1_.backward(b, p, x, s.statistics1, dbranch, dy, write_mode::accumulate);
      a.computed(b, "input gradient", name_, "", dy);
      return;
    }
    tensor_view<T, 2, B> const dquery = a.template take<T>(shape{q, width_});
    tensor_view<T, 2, B> const dkey_value = a.template take<T>(shape{n, 2 * width_});
    attention_gradient(b, layout, dropout, s, dbranch, dquery, dkey_value);
    a.computed(b, "gradient of the queries", name_, "attn.qkv", dquery);
    a.computed(b, "gradient of the keys and values", name_, "attn.qkv", dkey_value);
    qkv_.rows_backward(b, p, width_, 2 * width_, s.normed1, dkey_value, dx);
    qkv_.rows_backward(b, p, 0, width_, s.normed1_rows, dquery, dbranch);
    gather_rows_backward(b, dbranch, {.index = layout.rows, .dx = dx});
    a.computed(b, "input gradient", name_, "attn.qkv", dx);
    norm1_.backward(b, p, x, s.statistics1, dx, dx, write_mode::assign);
    gather_rows_backward(b, dy, {.index = layout.rows, .dx = dx});
    a.computed(b, "input gradient", name_, "", dx);
  }

  /// Takes from the arena what forward and backward take at most, in a scope: for planning.
  template <floating T, backend B>
  void plan_temporaries(arena<B>& a, pass mode, index_t n, index_t q) const {
    arena_scope const scope(a);
    a.template take<T>(shape{q, hidden_});
    if (mode == pass::inference) return;
    a.template take<T>(shape{q, hidden_});
    for (int i = 0; i < 3; ++i) a.template take<T>(shape{q, width_});
    a.template take<T>(shape{n, 2 * width_});
  }

 private:
  template <floating T, backend B>
  row_statistics<T, B> take_statistics(arena<B>& a, index_t n) const {
    return {a.template take<stat_t<T>>(shape{n}), a.template take<stat_t<T>>(shape{n})};
  }

  /// y = residual + dropped x.
  template <floating T, backend B>
  dropout_forward_args<T, B> residual_sum(tensor_view<T, 2, B> y, matrix_arg<T const, B> residual,
                                          step_dropout const& dropout, std::uint32_t place,
                                          token_layout<B> const& layout) const {
    return {.y = y, .residual = residual, .p = dropout.p, .key = dropout.key(place_ + place), .rows = layout.rows};
  }

  template <floating T, backend B>
  gelu_dropout_args<T, B> activated(tensor_view<T, 2, B> act, matrix_arg<T, B> slope, step_dropout const& dropout,
                                    token_layout<B> const& layout) const {
    return {.y = act, .slope = slope, .p = dropout.p, .key = dropout.key(place_ + 2), .rows = layout.rows};
  }

  /// dx = gradient behind a dropout; where nothing is dropped, dx is dy already.
  template <floating T, backend B>
  void undrop(B const& b, tensor_view<T, 2, B> dy, tensor_view<T, 2, B> dx, step_dropout const& dropout,
              std::uint32_t place, token_layout<B> const& layout) const {
    if (dropout.p == 0) return;
    dropout_backward(b, dy, {.dx = dx, .p = dropout.p, .key = dropout.key(place_ + place), .rows = layout.rows});
  }

  /// Adds to dy what reaches `middle` through the MLP. The activation is computed again from `pre`, which is
  /// overwritten.
  template <floating T, backend B>
  void mlp_backward(B const& b, parameters<T, B>& p, arena<B>& a, token_layout<B> const& layout,
                    step_dropout const& dropout, block_state<T, B> const& s, matrix_arg<T, B> dy,
                    matrix_arg<T, B> dropped, matrix_arg<T, B> dnormed) const {
    arena_scope const scope(a);
    tensor_view<T, 2, B> const act = a.template take<T>(s.pre.extents());
    tensor_view<T, 2, B> const dact = a.template take<T>(s.pre.extents());
    undrop(b, dy, dropped, dropout, 3, layout);
    a.computed(b, "output gradient", name_, "mlp.fc2", dropped);
    gelu_dropout(b, s.pre, activated(act, s.pre, dropout, layout));
    fc2_.backward(b, p, act, dropped, dact);
    a.computed(b, "input gradient", name_, "mlp.fc2", dact);
    elementwise_product(b, dact, {.by = s.pre, .y = dact});
    a.computed(b, "output gradient", name_, "mlp.fc1", dact);
    fc1_.backward(b, p, s.normed2, dact, dnormed);
    a.computed(b, "input gradient", name_, "mlp.fc1", dnormed);
    norm2_.backward(b, p, s.middle, s.statistics2, dnormed, dy, write_mode::accumulate);
  }

  template <floating T, backend B>
  void attention_gradient(B const& b, token_layout<B> const& layout, step_dropout const& dropout,
                          block_state<T, B> const& s, matrix_arg<T const, B> dout, matrix_arg<T, B> dquery,
                          matrix_arg<T, B> dkey_value) const {
    attention_backward(b, s.query,
                       {.k = s.key_value.columns(0, width_),
                        .v = s.key_value.columns(width_, width_),
                        .probs = s.probs,
                        .dout = dout,
                        .heads = heads_,
                        .tokens = layout.tokens,
                        .rows = layout.rows,
                        .lengths = layout.lengths,
                        .dq = dquery,
                        .dk = dkey_value.columns(0, width_),
                        .dv = dkey_value.columns(width_, width_),
                        .dropout = dropout.p,
                        .key = dropout.key(place_)});
  }

  std::string name_;
  index_t heads_ = 0;
  std::uint32_t place_ = 0;
  index_t width_ = 0;
  index_t hidden_ = 0;
  norm_layer norm1_, norm2_;
  linear_layer qkv_, proj_, fc1_, fc2_;
};

}  // namespace scale
