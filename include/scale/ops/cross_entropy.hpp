// SPDX-License-Identifier: Apache-2.0
#pragma once
// Mean cross-entropy of logits against integer labels: contract of cross_entropy_forward and cross_entropy_backward.

#include <scale/core/tensor.hpp>
#include <scale/ops/expect_value.hpp>

#include <cstdint>
#include <type_traits>

namespace scale {

/// loss = mean over the rows i of logits [n, classes] of log sum_j exp(x_ij) - x_i,label(i), and 0 where n = 0. Rows
/// may lie apart. No overflow for any finite logits.
template <class T, backend B>
struct cross_entropy_forward_args {
  tensor_view<std::int32_t const, 1, B> labels;  // [n], each in [0, classes); checked where the host can read it
  tensor_view<stat_t<T>, 1, B> loss;             // [1]  =
  tensor_view<stat_t<T>, 1, B> lse;              // [n]  = log sum_j exp(x_ij), kept for backward
};

/// Gradient of scale * loss: dlogits = scale / n * (softmax - one at the label). dlogits may alias logits.
template <class T, backend B>
struct cross_entropy_backward_args {
  tensor_view<std::int32_t const, 1, B> labels;  // [n]
  tensor_view<stat_t<T> const, 1, B> lse;        // [n], from the forward
  double scale;                                  // gradient arriving at the mean loss
  tensor_view<T, 2, B> dlogits;                  // [n, classes]  =
};

namespace detail::cross_entropy_cpo {

void cross_entropy_forward() = delete;
void cross_entropy_backward() = delete;

template <class B, class X, class A>
concept forward_on = requires(B const& b, X const& x, A const& a) {
  cross_entropy_forward(b, x, a);
};
template <class B, class X, class A>
concept backward_on = requires(B const& b, X const& x, A const& a) {
  cross_entropy_backward(b, x, a);
};

struct forward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& logits_,
                  std::type_identity_t<cross_entropy_forward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "cross_entropy_forward";
    tensor_view<element_t<X> const, 2, B> const logits = logits_;
    index_t const n = logits.extent(0), classes = logits.extent(1);
    expect_row_contiguous(op, "logits", logits, at);
    expect_shape(op, "labels", a.labels, shape{n}, at);
    expect_contiguous(op, "labels", a.labels, at);
    expect_index_range(op, "labels", a.labels, 0, classes, at);
    expect_shape(op, "loss", a.loss, shape{index_t{1}}, at);
    expect_shape(op, "lse", a.lse, shape{n}, at);
    expect_contiguous(op, "lse", a.lse, at);
    if constexpr (forward_on<B, decltype(logits), cross_entropy_forward_args<element_t<X>, B>>)
      cross_entropy_forward(b, logits, a);
    else
      static_assert(sizeof(X) == 0,
                    "cross_entropy_forward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

struct backward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& logits_,
                  std::type_identity_t<cross_entropy_backward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "cross_entropy_backward";
    tensor_view<element_t<X> const, 2, B> const logits = logits_;
    index_t const n = logits.extent(0), classes = logits.extent(1);
    expect_row_contiguous(op, "logits", logits, at);
    expect_shape(op, "labels", a.labels, shape{n}, at);
    expect_contiguous(op, "labels", a.labels, at);
    expect_index_range(op, "labels", a.labels, 0, classes, at);
    expect_shape(op, "lse", a.lse, shape{n}, at);
    expect_contiguous(op, "lse", a.lse, at);
    expect_shape(op, "dlogits", a.dlogits, shape{n, classes}, at);
    expect_row_contiguous(op, "dlogits", a.dlogits, at);
    if constexpr (backward_on<B, decltype(logits), cross_entropy_backward_args<element_t<X>, B>>)
      cross_entropy_backward(b, logits, a);
    else
      static_assert(sizeof(X) == 0,
                    "cross_entropy_backward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::cross_entropy_cpo

inline constexpr detail::cross_entropy_cpo::forward_fn cross_entropy_forward{};
inline constexpr detail::cross_entropy_cpo::backward_fn cross_entropy_backward{};

}  // namespace scale
