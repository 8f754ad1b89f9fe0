// SPDX-License-Identifier: Apache-2.0
#pragma once
// GELU and the dropout behind it in one pass, with what a gradient is multiplied by on its way back: contract of
// gelu_dropout.

#include <scale/core/random.hpp>
#include <scale/core/tensor.hpp>
#include <scale/ops/expect_value.hpp>

#include <cstdint>

namespace scale {

/// y = f(r, j) * gelu(x) and slope = f(r, j) * gelu'(x) for x [n, c], with gelu and its derivative as gelu_forward and
/// gelu_backward have them, and f the factor of dropout_forward for the same p, key and rows: 0 where dropped, else
/// 1 / (1 - p). Gradients go back as elementwise_product(dy, slope). Computed in stat_t<T>, rounded once. A dropped element is 0
/// whatever x is. Rows may lie apart; aliasing is exact or absent, and y does not alias slope.
template <class T, backend B>
struct gelu_dropout_args {
  tensor_view<T, 2, B> y;        // [n, c]  =, may alias x
  tensor_view<T, 2, B> slope{};  // [n, c]  =, optional; may alias x
  double p = 0;                  // probability of being dropped, in [0, 1)
  random_key key{};
  tensor_view<std::int32_t const, 1, B> rows{};  // [n]  optional: number of each row, not negative; default 0 .. n - 1
};

namespace detail::gelu_dropout_cpo {

void gelu_dropout() = delete;

template <class B, class X, class A>
concept on = requires(B const& b, X const& x, A const& a) {
  gelu_dropout(b, x, a);
};

struct fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<gelu_dropout_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "gelu_dropout";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    expect_shape(op, "x", x, x.extents(), at);
    index_t const n = x.extent(0), c = x.extent(1);
    expect_row_contiguous(op, "x", x, at);
    expect_shape(op, "y", a.y, shape{n, c}, at);
    expect_row_contiguous(op, "y", a.y, at);
    expect_shape_if_given(op, "slope", a.slope, shape{n, c}, at);
    expect_row_contiguous(op, "slope", a.slope, at);
    expect_probability(op, "p", a.p, at);
    expect_shape_if_given(op, "rows", a.rows, shape{n}, at);
    expect_contiguous(op, "rows", a.rows, at);
    expect_index_range(op, "rows", a.rows, 0, index_t{1} << 31, at);
    if constexpr (on<B, decltype(x), gelu_dropout_args<element_t<X>, B>>)
      gelu_dropout(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "gelu_dropout: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
                    "backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::gelu_dropout_cpo

inline constexpr detail::gelu_dropout_cpo::fn gelu_dropout{};

}  // namespace scale
