// SPDX-License-Identifier: Apache-2.0
#pragma once
// Batch normalisation per channel: contract of batch_norm_forward and batch_norm_backward.

#include <scale/core/tensor.hpp>

#include <string>
#include <type_traits>

namespace scale {

enum class batch_norm_mode {
  training,   // statistics of this batch
  inference,  // the running statistics
};

/// y = (x - mean) * rstd * gamma + beta per channel of x [n, c, s], contiguous; s = product of the places, 1 for
/// feature matrices. rstd = 1 / sqrt(variance + eps). Training: mean and biased variance over n and s, which must not
/// be a single value; running = (1 - momentum) * running + momentum * batch's, with the unbiased variance; with n * s =
/// 0 nothing is learnt and mean = 0, variance = 0. y may alias x only at inference.
template <class T, backend B>
struct batch_norm_forward_args {
  tensor_view<T const, 1, B> gamma{}, beta{};                  // [c] optional: 1 and 0
  tensor_view<stat_t<T>, 1, B> running_mean{}, running_var{};  // [c] inference: read; training: optional, updated
  tensor_view<stat_t<T>, 1, B> mean, rstd;                     // [c]        = what was used, kept for backward
  tensor_view<T, 3, B> y;                                      // [n, c, s]  =
  batch_norm_mode mode;
  double eps = 1e-5;
  double momentum = 0.1;
};

/// Gradients from dy. In training mode mean and rstd depend on x, at inference they are constants. dx may alias dy.
template <class T, backend B>
struct batch_norm_backward_args {
  tensor_view<T const, 3, B> dy;                  // [n, c, s]
  tensor_view<T const, 1, B> gamma{};             // [c] optional
  tensor_view<stat_t<T> const, 1, B> mean, rstd;  // [c], from the forward
  tensor_view<T, 3, B> dx{};                      // [n, c, s] optional   =
  tensor_view<acc_t<T>, 1, B> dgamma{}, dbeta{};  // [c] optional        +=
  batch_norm_mode mode;
};

namespace detail::batch_norm_cpo {

void batch_norm_forward() = delete;
void batch_norm_backward() = delete;

template <class B, class X, class A>
concept forward_on = requires(B const& b, X const& x, A const& a) {
  batch_norm_forward(b, x, a);
};
template <class B, class X, class A>
concept backward_on = requires(B const& b, X const& x, A const& a) {
  batch_norm_backward(b, x, a);
};

struct forward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<batch_norm_forward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "batch_norm_forward";
    tensor_view<element_t<X> const, 3, B> const x = x_;
    index_t const n = x.extent(0), c = x.extent(1), s = x.extent(2);
    expect_contiguous(op, "x", x, at);
    expect_shape_if_given(op, "gamma", a.gamma, shape{c}, at);
    expect_contiguous(op, "gamma", a.gamma, at);
    expect_shape_if_given(op, "beta", a.beta, shape{c}, at);
    expect_contiguous(op, "beta", a.beta, at);
    if (a.mode == batch_norm_mode::inference) {
      expect_shape(op, "running_mean", a.running_mean, shape{c}, at);
      expect_shape(op, "running_var", a.running_var, shape{c}, at);
    } else {
      expect(n * s != 1, op, "training needs more than one value per channel, got x " + to_string(x.extents()), at);
      expect_shape_if_given(op, "running_mean", a.running_mean, shape{c}, at);
      expect_shape_if_given(op, "running_var", a.running_var, shape{c}, at);
    }
    expect_contiguous(op, "running_mean", a.running_mean, at);
    expect_contiguous(op, "running_var", a.running_var, at);
    expect_shape(op, "mean", a.mean, shape{c}, at);
    expect_contiguous(op, "mean", a.mean, at);
    expect_shape(op, "rstd", a.rstd, shape{c}, at);
    expect_contiguous(op, "rstd", a.rstd, at);
    expect_shape(op, "y", a.y, shape{n, c, s}, at);
    expect_contiguous(op, "y", a.y, at);
    expect(a.eps > 0, op, "eps must be positive, got " + std::to_string(a.eps), at);
    if constexpr (forward_on<B, decltype(x), batch_norm_forward_args<element_t<X>, B>>)
      batch_norm_forward(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "batch_norm_forward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

struct backward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<batch_norm_backward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "batch_norm_backward";
    tensor_view<element_t<X> const, 3, B> const x = x_;
    index_t const n = x.extent(0), c = x.extent(1), s = x.extent(2);
    expect_contiguous(op, "x", x, at);
    expect_shape(op, "dy", a.dy, shape{n, c, s}, at);
    expect_contiguous(op, "dy", a.dy, at);
    expect_shape_if_given(op, "gamma", a.gamma, shape{c}, at);
    expect_contiguous(op, "gamma", a.gamma, at);
    expect_shape(op, "mean", a.mean, shape{c}, at);
    expect_contiguous(op, "mean", a.mean, at);
    expect_shape(op, "rstd", a.rstd, shape{c}, at);
    expect_contiguous(op, "rstd", a.rstd, at);
    expect_shape_if_given(op, "dx", a.dx, shape{n, c, s}, at);
    expect_contiguous(op, "dx", a.dx, at);
    expect_shape_if_given(op, "dgamma", a.dgamma, shape{c}, at);
    expect_contiguous(op, "dgamma", a.dgamma, at);
    expect_shape_if_given(op, "dbeta", a.dbeta, shape{c}, at);
    expect_contiguous(op, "dbeta", a.dbeta, at);
    if constexpr (backward_on<B, decltype(x), batch_norm_backward_args<element_t<X>, B>>)
      batch_norm_backward(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "batch_norm_backward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::batch_norm_cpo

inline constexpr detail::batch_norm_cpo::forward_fn batch_norm_forward{};
inline constexpr detail::batch_norm_cpo::backward_fn batch_norm_backward{};

}  // namespace scale
