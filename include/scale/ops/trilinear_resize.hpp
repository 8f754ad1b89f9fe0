// SPDX-License-Identifier: Apache-2.0
#pragma once
// Trilinear resizing of t, h and w: contract of trilinear_resize_forward and trilinear_resize_backward.

#include <scale/core/tensor.hpp>

#include <type_traits>

namespace scale {

/// y [n, c, t2, h2, w2] from x [n, c, t, h, w], both contiguous. Half-pixel centres, clamped at the lower edge, no
/// antialiasing: along an axis place i reads at p = max((i + 0.5) in / out - 0.5, 0), the neighbours floor(p) and
/// min(floor(p) + 1, in - 1), weights 1 - frac(p) and frac(p). Input extents at least 1 where there is output.
template <class T, backend B>
struct trilinear_resize_forward_args {
  tensor_view<T, 5, B> y;  // [n, c, t2, h2, w2]  =
};

/// The transposed map: dx from dy [n, c, t2, h2, w2].
template <class T, backend B>
struct trilinear_resize_backward_args {
  tensor_view<T, 5, B> dx;  // [n, c, t, h, w]  =
};

namespace detail::trilinear_resize_cpo {

void trilinear_resize_forward() = delete;
void trilinear_resize_backward() = delete;

template <class B, class X, class A>
concept forward_on = requires(B const& b, X const& x, A const& a) {
  trilinear_resize_forward(b, x, a);
};
template <class B, class X, class A>
concept backward_on = requires(B const& b, X const& x, A const& a) {
  trilinear_resize_backward(b, x, a);
};

struct forward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_,
                  std::type_identity_t<trilinear_resize_forward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "trilinear_resize_forward";
    tensor_view<element_t<X> const, 5, B> const x = x_;
    expect_contiguous(op, "x", x, at);
    expect_extent(op, "y", a.y, 0, x.extent(0), "x.extent(0)", at);
    expect_extent(op, "y", a.y, 1, x.extent(1), "x.extent(1)", at);
    expect_contiguous(op, "y", a.y, at);
    expect(a.y.has_data() || a.y.size() == 0, op, "y: expected a tensor, got a view without data", at);
    expect(x.size() != 0 || a.y.size() == 0, op, "x: expected elements, got shape " + to_string(x.extents()), at);
    if constexpr (forward_on<B, decltype(x), trilinear_resize_forward_args<element_t<X>, B>>)
      trilinear_resize_forward(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "trilinear_resize_forward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

struct backward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& dy_,
                  std::type_identity_t<trilinear_resize_backward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "trilinear_resize_backward";
    tensor_view<element_t<X> const, 5, B> const dy = dy_;
    expect_contiguous(op, "dy", dy, at);
    expect_extent(op, "dx", a.dx, 0, dy.extent(0), "dy.extent(0)", at);
    expect_extent(op, "dx", a.dx, 1, dy.extent(1), "dy.extent(1)", at);
    expect_contiguous(op, "dx", a.dx, at);
    expect(a.dx.has_data() || a.dx.size() == 0, op, "dx: expected a tensor, got a view without data", at);
    expect(a.dx.size() != 0 || dy.size() == 0, op, "dx: expected elements, got shape " + to_string(a.dx.extents()), at);
    if constexpr (backward_on<B, decltype(dy), trilinear_resize_backward_args<element_t<X>, B>>)
      trilinear_resize_backward(b, dy, a);
    else
      static_assert(sizeof(X) == 0,
                    "trilinear_resize_backward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::trilinear_resize_cpo

inline constexpr detail::trilinear_resize_cpo::forward_fn trilinear_resize_forward{};
inline constexpr detail::trilinear_resize_cpo::backward_fn trilinear_resize_backward{};

}  // namespace scale
