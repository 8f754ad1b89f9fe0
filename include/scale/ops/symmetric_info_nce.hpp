// SPDX-License-Identifier: Apache-2.0
#pragma once
// InfoNCE between paired rows, averaged over both directions (the paper's set loss): contract of
// symmetric_info_nce_forward and symmetric_info_nce_backward.

#include <scale/core/tensor.hpp>

#include <cstdint>
#include <string>
#include <type_traits>

namespace scale {

/// Scores s_ij = a_i . other_j / temperature, the pair of row i is row i. loss = mean over i of half of
/// [log sum_j exp(s_ij) - s_ii] + [log sum_j exp(s_ji) - s_ii], and 0 where n = 0. The score matrix is never stored as
/// a whole. No overflow for any temperature. Rows may lie apart; no output may alias an input.
template <class T, backend B>
struct symmetric_info_nce_forward_args {
  tensor_view<T const, 2, B> other;                    // [n, c]
  double temperature;                                  // > 0
  tensor_view<stat_t<T>, 1, B> lse_rows, lse_columns;  // [n]  = over j of s_ij and of s_ji, kept for backward
  tensor_view<stat_t<T>, 1, B> loss;                   // [1]  =
  tensor_view<std::int32_t, 1, B> correct;             // [2]  = rows whose pair scores highest among `other`, and
                                                       //        among `a`; a tie goes to the lower index
};

/// Gradients of scale * loss. The scores are computed again; in a 16-bit type the gradients by score may be rounded
/// before the products.
template <class T, backend B>
struct symmetric_info_nce_backward_args {
  tensor_view<T const, 2, B> other;  // [n, c]
  double temperature;
  tensor_view<stat_t<T> const, 1, B> lse_rows, lse_columns;  // [n], from the forward
  double scale;                                              // gradient arriving at the loss
  tensor_view<T, 2, B> da, dother;                           // [n, c]  =
};

namespace detail::symmetric_info_nce_cpo {

void symmetric_info_nce_forward() = delete;
void symmetric_info_nce_backward() = delete;

template <class B, class X, class A>
concept forward_on = requires(B const& b, X const& x, A const& a) {
  symmetric_info_nce_forward(b, x, a);
};
template <class B, class X, class A>
concept backward_on = requires(B const& b, X const& x, A const& a) {
  symmetric_info_nce_backward(b, x, a);
};

struct forward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_,
                  std::type_identity_t<symmetric_info_nce_forward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "symmetric_info_nce_forward";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    index_t const n = x.extent(0), c = x.extent(1);
    expect_row_contiguous(op, "a", x, at);
    expect_shape(op, "other", a.other, shape{n, c}, at);
    expect_row_contiguous(op, "other", a.other, at);
    expect(a.temperature > 0, op, "temperature must be positive, got " + std::to_string(a.temperature), at);
    expect_shape(op, "lse_rows", a.lse_rows, shape{n}, at);
    expect_contiguous(op, "lse_rows", a.lse_rows, at);
    expect_shape(op, "lse_columns", a.lse_columns, shape{n}, at);
    expect_contiguous(op, "lse_columns", a.lse_columns, at);
    expect_shape(op, "loss", a.loss, shape{index_t{1}}, at);
    expect_shape(op, "correct", a.correct, shape{index_t{2}}, at);
    expect_contiguous(op, "correct", a.correct, at);
    if constexpr (forward_on<B, decltype(x), symmetric_info_nce_forward_args<element_t<X>, B>>)
      symmetric_info_nce_forward(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "symmetric_info_nce_forward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

struct backward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_,
                  std::type_identity_t<symmetric_info_nce_backward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "symmetric_info_nce_backward";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    index_t const n = x.extent(0), c = x.extent(1);
    expect_row_contiguous(op, "a", x, at);
    expect_shape(op, "other", a.other, shape{n, c}, at);
    expect_row_contiguous(op, "other", a.other, at);
    expect(a.temperature > 0, op, "temperature must be positive, got " + std::to_string(a.temperature), at);
    expect_shape(op, "lse_rows", a.lse_rows, shape{n}, at);
    expect_contiguous(op, "lse_rows", a.lse_rows, at);
    expect_shape(op, "lse_columns", a.lse_columns, shape{n}, at);
    expect_contiguous(op, "lse_columns", a.lse_columns, at);
    expect_shape(op, "da", a.da, shape{n, c}, at);
    expect_row_contiguous(op, "da", a.da, at);
    expect_shape(op, "dother", a.dother, shape{n, c}, at);
    expect_row_contiguous(op, "dother", a.dother, at);
    if constexpr (backward_on<B, decltype(x), symmetric_info_nce_backward_args<element_t<X>, B>>)
      symmetric_info_nce_backward(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "symmetric_info_nce_backward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::symmetric_info_nce_cpo

inline constexpr detail::symmetric_info_nce_cpo::forward_fn symmetric_info_nce_forward{};
inline constexpr detail::symmetric_info_nce_cpo::backward_fn symmetric_info_nce_backward{};

}  // namespace scale
