// SPDX-License-Identifier: Apache-2.0
#pragma once
// Multi-head attention within sets of tokens: contract of attention_forward and attention_backward.
// Softmax attention after Vaswani et al., 2017; layout and dropout as the set transformer needs them.

#include <scale/core/random.hpp>
#include <scale/core/tensor.hpp>
#include <scale/ops/expect_value.hpp>

#include <cstdint>
#include <string>
#include <type_traits>

namespace scale {

/// Token t of set s is row s * tokens + t of k and v [sets * tokens, c]; head h owns columns h * c / heads and on. Per
/// query and head: weights = softmax over the set's keys of scale * q . k, dropped with probability `dropout` (kept
/// ones divided by 1 - dropout), out = weights times v. Rows of all matrices may lie apart: q, k and v may be column
/// ranges of one joint projection. out must not alias an input. Cost O(nq tokens c) time; memory beside the arguments
/// does not grow with tokens^2.
template <class T, backend B>
struct attention_forward_args {
  tensor_view<T const, 2, B> k, v;                  // [sets * tokens, c]
  index_t heads;                                    // divides c
  index_t tokens;                                   // per set, >= 1
  tensor_view<std::int32_t const, 1, B> rows{};     // [nq] optional, strictly ascending: row of k that each query is;
                                                    //      0, 1, .. nq - 1 where not given
  tensor_view<std::int32_t const, 1, B> lengths{};  // [sets] optional: of set s only the first lengths[s] tokens exist;
                                                    //        keys beyond weigh 0, queries beyond give 0
  tensor_view<T, 2, B> out;                         // [nq, c]              =
  tensor_view<T, 3, B> probs{};                     // [nq, heads, tokens]  = softmax before dropout, kept for backward;
                                                    //                      not given at inference
  double dropout = 0;                               // in [0, 1)
  random_key key{};                                 // weight of key token j: number (row * heads + h) * tokens + j
  double scale = 0;                                 // 0 stands for 1 / sqrt(c / heads)
};

/// Gradients from dout. All of dk and dv is written, 0 where no query looks. Outputs must not alias inputs or each
/// other; they may be column ranges of one matrix.
template <class T, backend B>
struct attention_backward_args {
  tensor_view<T const, 2, B> k, v;   // [sets * tokens, c]
  tensor_view<T const, 3, B> probs;  // [nq, heads, tokens], from the forward
  tensor_view<T const, 2, B> dout;   // [nq, c]
  index_t heads;
  index_t tokens;
  tensor_view<std::int32_t const, 1, B> rows{};  // as in the forward, and so are lengths, dropout, key, scale
  tensor_view<std::int32_t const, 1, B> lengths{};
  tensor_view<T, 2, B> dq;      // [nq, c]             =
  tensor_view<T, 2, B> dk, dv;  // [sets * tokens, c]  =
  double dropout = 0;
  random_key key{};
  double scale = 0;
};

namespace detail {

/// Checks what forward and backward share: k, v, heads, tokens, rows, lengths, dropout, scale.
template <class T, backend B, class Args>
void check_attention_sets(char const* op, tensor_view<T const, 2, B> const& q, Args const& a, location at) {
  index_t const nq = q.extent(0), c = q.extent(1), all = a.k.extent(0);
  expect_row_contiguous(op, "q", q, at);
  if (a.heads < 1 || c % a.heads != 0)
    throw_expected(op, "heads", "a divisor of q.extent(1) = " + std::to_string(c), std::to_string(a.heads), at);
  if (a.tokens < 1) throw_expected(op, "tokens", "at least 1", std::to_string(a.tokens), at);
  if (all % a.tokens != 0)
    throw_expected(op, "k.extent(0)", "a multiple of tokens = " + std::to_string(a.tokens), std::to_string(all), at);
  expect_shape(op, "k", a.k, shape{all, c}, at);
  expect_row_contiguous(op, "k", a.k, at);
  expect_shape(op, "v", a.v, shape{all, c}, at);
  expect_row_contiguous(op, "v", a.v, at);
  if (a.rows.has_data()) {
    expect_shape(op, "rows", a.rows, shape{nq}, at);
    expect_contiguous(op, "rows", a.rows, at);
    expect_index_range(op, "rows", a.rows, 0, all, at);
    if constexpr (host_backend<B>)
      for (index_t i = 1; i < nq; ++i)
        if (a.rows(i) <= a.rows(i - 1))
          throw_expected(op, "rows[" + std::to_string(i) + "]",
                         "above its predecessor " + std::to_string(a.rows(i - 1)), std::to_string(a.rows(i)), at);
  } else if (nq > all) {
    throw_expected(op, "q.extent(0)", "at most k.extent(0) = " + std::to_string(all), std::to_string(nq), at);
  }
  expect_shape_if_given(op, "lengths", a.lengths, shape{all / a.tokens}, at);
  expect_contiguous(op, "lengths", a.lengths, at);
  expect_index_range(op, "lengths", a.lengths, 0, a.tokens + 1, at);
  expect_probability(op, "dropout", a.dropout, at);
  expect(a.scale >= 0, op, "scale must not be negative, got " + std::to_string(a.scale), at);
}

}  // namespace detail

namespace detail::attention_cpo {

void attention_forward() = delete;
void attention_backward() = delete;

template <class B, class X, class A>
concept forward_on = requires(B const& b, X const& x, A const& a) {
  attention_forward(b, x, a);
};
template <class B, class X, class A>
concept backward_on = requires(B const& b, X const& x, A const& a) {
  attention_backward(b, x, a);
};

struct forward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& q_, std::type_identity_t<attention_forward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "attention_forward";
    tensor_view<element_t<X> const, 2, B> const q = q_;
    check_attention_sets(op, q, a, at);
    index_t const nq = q.extent(0), c = q.extent(1);
    expect_shape(op, "out", a.out, shape{nq, c}, at);
    expect_row_contiguous(op, "out", a.out, at);
    expect_shape_if_given(op, "probs", a.probs, shape{nq, a.heads, a.tokens}, at);
    expect_contiguous(op, "probs", a.probs, at);
    if constexpr (forward_on<B, decltype(q), attention_forward_args<element_t<X>, B>>)
      attention_forward(b, q, a);
    else
      static_assert(sizeof(X) == 0,
                    "attention_forward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

struct backward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& q_, std::type_identity_t<attention_backward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "attention_backward";
    tensor_view<element_t<X> const, 2, B> const q = q_;
    check_attention_sets(op, q, a, at);
    index_t const nq = q.extent(0), c = q.extent(1);
    index_t const all = a.k.extent(0);
    expect_shape(op, "probs", a.probs, shape{nq, a.heads, a.tokens}, at);
    expect_contiguous(op, "probs", a.probs, at);
    expect_shape(op, "dout", a.dout, shape{nq, c}, at);
    expect_row_contiguous(op, "dout", a.dout, at);
    expect_shape(op, "dq", a.dq, shape{nq, c}, at);
    expect_row_contiguous(op, "dq", a.dq, at);
    expect_shape(op, "dk", a.dk, shape{all, c}, at);
    expect_row_contiguous(op, "dk", a.dk, at);
    expect_shape(op, "dv", a.dv, shape{all, c}, at);
    expect_row_contiguous(op, "dv", a.dv, at);
    if constexpr (backward_on<B, decltype(q), attention_backward_args<element_t<X>, B>>)
      attention_backward(b, q, a);
    else
      static_assert(sizeof(X) == 0,
                    "attention_backward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::attention_cpo

inline constexpr detail::attention_cpo::forward_fn attention_forward{};
inline constexpr detail::attention_cpo::backward_fn attention_backward{};

}  // namespace scale
