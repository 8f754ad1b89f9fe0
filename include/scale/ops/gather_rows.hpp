// SPDX-License-Identifier: Apache-2.0
#pragma once
// Picks rows by number, and adds them back: contract of gather_rows_forward and gather_rows_backward.

#include <scale/core/tensor.hpp>
#include <scale/ops/expect_value.hpp>

#include <cstdint>

namespace scale {

/// y row r = x row index[r], for x [n, c]. A row may be picked often or never. Rows may lie apart; y must not alias x.
/// An index outside [0, n) is an argument_error where the host can read it, else undefined.
template <class T, backend B>
struct gather_rows_forward_args {
  tensor_view<std::int32_t const, 1, B> index;  // [m]     in [0, n)
  tensor_view<T, 2, B> y;                       // [m, c]  =
};

/// dx row index[r] += dy row r, in ascending order of r: equal inputs give equal bits. The positional tensor is dy.
template <class T, backend B>
struct gather_rows_backward_args {
  tensor_view<std::int32_t const, 1, B> index;  // [m]     in [0, n)
  tensor_view<T, 2, B> dx;                      // [n, c]  +=, must not alias dy
};

namespace detail::gather_rows_cpo {

void gather_rows_forward() = delete;
void gather_rows_backward() = delete;

template <class B, class X, class A>
concept forward_on = requires(B const& b, X const& x, A const& a) {
  gather_rows_forward(b, x, a);
};
template <class B, class X, class A>
concept backward_on = requires(B const& b, X const& x, A const& a) {
  gather_rows_backward(b, x, a);
};

struct forward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<gather_rows_forward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "gather_rows_forward";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    expect_shape(op, "x", x, x.extents(), at);
    index_t const n = x.extent(0), c = x.extent(1), m = a.index.extent(0);
    expect_row_contiguous(op, "x", x, at);
    expect_shape(op, "index", a.index, shape{m}, at);
    expect_contiguous(op, "index", a.index, at);
    expect_shape(op, "y", a.y, shape{m, c}, at);
    expect_row_contiguous(op, "y", a.y, at);
    expect_index_range(op, "index", a.index, 0, n, at);
    if constexpr (forward_on<B, decltype(x), gather_rows_forward_args<element_t<X>, B>>)
      gather_rows_forward(b, x, a);
    else
      static_assert(
          sizeof(X) == 0,
          "gather_rows_forward: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
          "backend, or see docs/support-matrix.md");
  }
};

struct backward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<gather_rows_backward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "gather_rows_backward";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    expect_shape(op, "dy", x, x.extents(), at);
    index_t const n = a.dx.extent(0), c = x.extent(1), m = x.extent(0);
    expect_row_contiguous(op, "dy", x, at);
    expect_shape(op, "index", a.index, shape{m}, at);
    expect_contiguous(op, "index", a.index, at);
    expect_shape(op, "dx", a.dx, shape{n, c}, at);
    expect_row_contiguous(op, "dx", a.dx, at);
    expect_index_range(op, "index", a.index, 0, n, at);
    if constexpr (backward_on<B, decltype(x), gather_rows_backward_args<element_t<X>, B>>)
      gather_rows_backward(b, x, a);
    else
      static_assert(
          sizeof(X) == 0,
          "gather_rows_backward: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
          "backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::gather_rows_cpo

inline constexpr detail::gather_rows_cpo::forward_fn gather_rows_forward{};
inline constexpr detail::gather_rows_cpo::backward_fn gather_rows_backward{};

}  // namespace scale
