// SPDX-License-Identifier: Apache-2.0
#pragma once
// Mean over groups of consecutive rows: contract of group_mean_forward and group_mean_backward.

#include <scale/core/tensor.hpp>

#include <string>

namespace scale {

/// y row r = mean of the rows r * group to (r + 1) * group - 1 of x [n * group, c]. Rows may lie apart; y must not
/// alias x.
template <class T, backend B>
struct group_mean_forward_args {
  index_t group = 0;       // at least 1
  tensor_view<T, 2, B> y;  // [n, c]  =
};

/// dx row s = dy row (s / group) divided by group. The positional tensor is dy.
template <class T, backend B>
struct group_mean_backward_args {
  index_t group = 0;        // at least 1
  tensor_view<T, 2, B> dx;  // [n * group, c]  =, must not alias dy
};

namespace detail::group_mean_cpo {

void group_mean_forward() = delete;
void group_mean_backward() = delete;

template <class B, class X, class A>
concept forward_on = requires(B const& b, X const& x, A const& a) {
  group_mean_forward(b, x, a);
};
template <class B, class X, class A>
concept backward_on = requires(B const& b, X const& x, A const& a) {
  group_mean_backward(b, x, a);
};

struct forward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<group_mean_forward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "group_mean_forward";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    expect_shape(op, "x", x, x.extents(), at);
    index_t const c = x.extent(1);
    if (a.group < 1) throw_expected(op, "group", "at least 1", std::to_string(a.group), at);
    if (x.extent(0) % a.group != 0)
      throw_expected(op, "x.extent(0)", "a multiple of group = " + std::to_string(a.group), std::to_string(x.extent(0)),
                     at);
    expect_row_contiguous(op, "x", x, at);
    expect_shape(op, "y", a.y, shape{x.extent(0) / a.group, c}, at);
    expect_row_contiguous(op, "y", a.y, at);
    if constexpr (forward_on<B, decltype(x), group_mean_forward_args<element_t<X>, B>>)
      group_mean_forward(b, x, a);
    else
      static_assert(
          sizeof(X) == 0,
          "group_mean_forward: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
          "backend, or see docs/support-matrix.md");
  }
};

struct backward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<group_mean_backward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "group_mean_backward";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    expect_shape(op, "dy", x, x.extents(), at);
    index_t const n = x.extent(0), c = x.extent(1);
    if (a.group < 1) throw_expected(op, "group", "at least 1", std::to_string(a.group), at);
    expect_row_contiguous(op, "dy", x, at);
    expect_shape(op, "dx", a.dx, shape{n * a.group, c}, at);
    expect_row_contiguous(op, "dx", a.dx, at);
    if constexpr (backward_on<B, decltype(x), group_mean_backward_args<element_t<X>, B>>)
      group_mean_backward(b, x, a);
    else
      static_assert(
          sizeof(X) == 0,
          "group_mean_backward: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
          "backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::group_mean_cpo

inline constexpr detail::group_mean_cpo::forward_fn group_mean_forward{};
inline constexpr detail::group_mean_cpo::backward_fn group_mean_backward{};

}  // namespace scale
