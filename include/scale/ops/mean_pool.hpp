// SPDX-License-Identifier: Apache-2.0
#pragma once
// Mean over all places of a channel: contract of mean_pool_forward and mean_pool_backward.

#include <scale/core/tensor.hpp>

#include <type_traits>

namespace scale {

/// y[n, c] = mean over the places of x [n, c, h, w] or [n, c, t, h, w], of any strides; at least one place. Rows of y
/// may lie apart.
template <class T, backend B>
struct mean_pool_forward_args {
  tensor_view<T, 2, B> y;  // [n, c]  =
};

/// dx = dy / places everywhere. dx of any strides; for two spatial axes let t be 1.
template <class T, backend B>
struct mean_pool_backward_args {
  tensor_view<T, 5, B> dx;  // [n, c, t, h, w]  =
};

namespace detail::mean_pool_cpo {

void mean_pool_forward() = delete;
void mean_pool_backward() = delete;

template <class B, class X, class A>
concept forward_on = requires(B const& b, X const& x, A const& a) {
  mean_pool_forward(b, x, a);
};
template <class B, class X, class A>
concept backward_on = requires(B const& b, X const& x, A const& a) {
  mean_pool_backward(b, x, a);
};

struct forward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<mean_pool_forward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "mean_pool_forward";
    tensor_view<element_t<X> const, rank_of<X>, B> const x = x_;
    static_assert(rank_of<X> == 4 || rank_of<X> == 5, "mean_pool_forward: x has 2 or 3 spatial axes");
    index_t const n = x.extent(0), c = x.extent(1);
    for (int axis = 2; axis < rank_of<X>; ++axis)
      if (x.extent(axis) < 1)
        throw_expected(op, "x", "at least one place per channel", "shape " + to_string(x.extents()), at);
    expect_shape(op, "y", a.y, shape{n, c}, at);
    expect_row_contiguous(op, "y", a.y, at);
    if constexpr (forward_on<B, decltype(x), mean_pool_forward_args<element_t<X>, B>>)
      mean_pool_forward(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "mean_pool_forward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

struct backward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& dy_, std::type_identity_t<mean_pool_backward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "mean_pool_backward";
    tensor_view<element_t<X> const, 2, B> const dy = dy_;
    expect_row_contiguous(op, "dy", dy, at);
    expect_extent(op, "dx", a.dx, 0, dy.extent(0), "dy.extent(0)", at);
    expect_extent(op, "dx", a.dx, 1, dy.extent(1), "dy.extent(1)", at);
    expect(a.dx.has_data() || a.dx.size() == 0, op, "dx: expected a tensor, got a view without data", at);
    if constexpr (backward_on<B, decltype(dy), mean_pool_backward_args<element_t<X>, B>>)
      mean_pool_backward(b, dy, a);
    else
      static_assert(sizeof(X) == 0,
                    "mean_pool_backward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::mean_pool_cpo

inline constexpr detail::mean_pool_cpo::forward_fn mean_pool_forward{};
inline constexpr detail::mean_pool_cpo::backward_fn mean_pool_backward{};

}  // namespace scale
