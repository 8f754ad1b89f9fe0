// SPDX-License-Identifier: Apache-2.0
#pragma once
// The largest magnitude of all elements: contract of largest_magnitude.

#include <scale/core/tensor.hpp>

#include <concepts>
#include <type_traits>

namespace scale {

/// y = the largest |x_i| of x [n], contiguous: 0 where n = 0, NaN where some x_i is NaN. Exact.
template <class T, backend B>
struct largest_magnitude_args {
  tensor_view<T, 1, B> y;  // [1]  =
};

namespace detail::largest_magnitude_cpo {

void largest_magnitude() = delete;

template <class B, class X, class A>
concept on = requires(B const& b, X const& x, A const& a) {
  largest_magnitude(b, x, a);
};

struct fn {
  template <backend B, readable_by<B> X>
  requires std::floating_point<element_t<X>>  //
  void operator()(B const& b, X const& x_, std::type_identity_t<largest_magnitude_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "largest_magnitude";
    tensor_view<element_t<X> const, 1, B> const x = x_;
    expect_shape(op, "x", x, x.extents(), at);
    expect_contiguous(op, "x", x, at);
    expect_shape(op, "y", a.y, shape{index_t{1}}, at);
    if constexpr (on<B, decltype(x), largest_magnitude_args<element_t<X>, B>>)
      largest_magnitude(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "largest_magnitude: this backend has no overload for this element type; include <scale/NAME.hpp> "
                    "of the backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::largest_magnitude_cpo

inline constexpr detail::largest_magnitude_cpo::fn largest_magnitude{};

}  // namespace scale
