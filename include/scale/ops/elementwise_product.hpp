// SPDX-License-Identifier: Apache-2.0
#pragma once
// Product of two matrices, element by element: contract of elementwise_product.

#include <scale/core/tensor.hpp>

namespace scale {

/// y = x * by. 0 times infinity is NaN. Rows of x [n, c], by and y may lie apart; aliasing is exact or absent.
template <class T, backend B>
struct elementwise_product_args {
  tensor_view<T const, 2, B> by;  // [n, c]
  tensor_view<T, 2, B> y;         // [n, c]  =, may alias x or by
};

namespace detail::elementwise_product_cpo {

void elementwise_product() = delete;

template <class B, class X, class A>
concept on = requires(B const& b, X const& x, A const& a) {
  elementwise_product(b, x, a);
};

struct fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<elementwise_product_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "elementwise_product";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    expect_shape(op, "x", x, x.extents(), at);
    index_t const n = x.extent(0), c = x.extent(1);
    expect_row_contiguous(op, "x", x, at);
    expect_shape(op, "by", a.by, shape{n, c}, at);
    expect_row_contiguous(op, "by", a.by, at);
    expect_shape(op, "y", a.y, shape{n, c}, at);
    expect_row_contiguous(op, "y", a.y, at);
    if constexpr (on<B, decltype(x), elementwise_product_args<element_t<X>, B>>)
      elementwise_product(b, x, a);
    else
      static_assert(
          sizeof(X) == 0,
          "elementwise_product: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
          "backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::elementwise_product_cpo

inline constexpr detail::elementwise_product_cpo::fn elementwise_product{};

}  // namespace scale
