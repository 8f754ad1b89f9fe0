// SPDX-License-Identifier: Apache-2.0
#pragma once
// One-sided InfoNCE, a query's own key against all keys (the paper's dense loss): contract of info_nce_forward and
// info_nce_backward.

#include <scale/core/tensor.hpp>
#include <scale/ops/expect_value.hpp>

#include <cstdint>
#include <string>
#include <type_traits>

namespace scale {

/// Scores s_ij = q_i . key_j / temperature; loss = mean over the queries i of log sum_j exp(s_ij) - s_i,target(i), and
/// 0 where there are no queries. Only chosen queries are rows of q, so the other rows of the score matrix cost nothing.
/// The score matrix is never stored as a whole: O(m n c) time, a few MiB beside the arguments. No overflow for any
/// temperature. Views of one column or row count may have gaps between rows; no output may alias an input.
template <class T, backend B>
struct info_nce_forward_args {
  tensor_view<T const, 2, B> keys;               // [n, c]
  tensor_view<std::int32_t const, 1, B> target;  // [m], each in [0, n); checked where the host can read it
  double temperature;                            // > 0
  tensor_view<stat_t<T>, 1, B> lse;              // [m]  = log sum_j exp(s_ij), kept for backward
  tensor_view<stat_t<T>, 1, B> loss;             // [1]  =
  tensor_view<std::int32_t, 1, B> correct;       // [1]  = queries whose target scores highest; a tie goes to the lower
                                                 //        index
};

/// Gradients of scale * loss: with P = softmax of the scores minus one at the targets and f = scale / (temperature m),
/// dq = f P keys, dkeys += f P^T q. The scores are computed again; in a 16-bit type f P may be rounded before the
/// products.
template <class T, backend B>
struct info_nce_backward_args {
  tensor_view<T const, 2, B> keys;               // [n, c]
  tensor_view<std::int32_t const, 1, B> target;  // [m]
  double temperature;
  tensor_view<stat_t<T> const, 1, B> lse;  // [m], from the forward
  double scale;                            // gradient arriving at the mean loss
  tensor_view<T, 2, B> dq;                 // [m, c]  =
  tensor_view<T, 2, B> dkeys;              // [n, c]  +=
};

namespace detail::info_nce_cpo {

void info_nce_forward() = delete;
void info_nce_backward() = delete;

template <class B, class X, class A>
concept forward_on = requires(B const& b, X const& x, A const& a) {
  info_nce_forward(b, x, a);
};
template <class B, class X, class A>
concept backward_on = requires(B const& b, X const& x, A const& a) {
  info_nce_backward(b, x, a);
};

struct forward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& q_, std::type_identity_t<info_nce_forward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "info_nce_forward";
    tensor_view<element_t<X> const, 2, B> const q = q_;
    index_t const m = q.extent(0), n = a.keys.extent(0), c = q.extent(1);
    expect_row_contiguous(op, "q", q, at);
    expect_shape(op, "keys", a.keys, shape{n, c}, at);
    expect_row_contiguous(op, "keys", a.keys, at);
    expect_shape(op, "target", a.target, shape{m}, at);
    expect_contiguous(op, "target", a.target, at);
    expect_index_range(op, "target", a.target, 0, n, at);
    expect(a.temperature > 0, op, "temperature must be positive, got " + std::to_string(a.temperature), at);
    expect_shape(op, "lse", a.lse, shape{m}, at);
    expect_contiguous(op, "lse", a.lse, at);
    expect_shape(op, "loss", a.loss, shape{index_t{1}}, at);
    expect_shape(op, "correct", a.correct, shape{index_t{1}}, at);
    if constexpr (forward_on<B, decltype(q), info_nce_forward_args<element_t<X>, B>>)
      info_nce_forward(b, q, a);
    else
      static_assert(sizeof(X) == 0,
                    "info_nce_forward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

struct backward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& q_, std::type_identity_t<info_nce_backward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "info_nce_backward";
    tensor_view<element_t<X> const, 2, B> const q = q_;
    index_t const m = q.extent(0), n = a.keys.extent(0), c = q.extent(1);
    expect_row_contiguous(op, "q", q, at);
    expect_shape(op, "keys", a.keys, shape{n, c}, at);
    expect_row_contiguous(op, "keys", a.keys, at);
    expect_shape(op, "target", a.target, shape{m}, at);
    expect_contiguous(op, "target", a.target, at);
    expect_index_range(op, "target", a.target, 0, n, at);
    expect(a.temperature > 0, op, "temperature must be positive, got " + std::to_string(a.temperature), at);
    expect_shape(op, "lse", a.lse, shape{m}, at);
    expect_contiguous(op, "lse", a.lse, at);
    expect_shape(op, "dq", a.dq, shape{m, c}, at);
    expect_row_contiguous(op, "dq", a.dq, at);
    expect_shape(op, "dkeys", a.dkeys, shape{n, c}, at);
    expect_row_contiguous(op, "dkeys", a.dkeys, at);
    if constexpr (backward_on<B, decltype(q), info_nce_backward_args<element_t<X>, B>>)
      info_nce_backward(b, q, a);
    else
      static_assert(sizeof(X) == 0,
                    "info_nce_backward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::info_nce_cpo

inline constexpr detail::info_nce_cpo::forward_fn info_nce_forward{};
inline constexpr detail::info_nce_cpo::backward_fn info_nce_backward{};

}  // namespace scale
