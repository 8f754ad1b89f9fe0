// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rotary positions: turns pairs of neighbouring channels by angles that depend on the row. Contract of rotary.

#include <scale/core/tensor.hpp>

#include <string>
#include <type_traits>

namespace scale {

/// Within each of the c / width heads of x [n, c], for even d (Su et al., "RoFormer", 2021, with an angle per channel):
///   y[d]     = x[d]     cosine[d]     - x[d + 1] sine[d]
///   y[d + 1] = x[d + 1] cosine[d + 1] + x[d]     sine[d + 1]
/// Cosine 1 and sine 0 leave a channel as it is. Rows of x and y may lie apart; y may be x, and does not overlap it
/// else.
template <class T, backend B>
struct rotary_args {
  tensor_view<T const, 2, B> cosine, sine;  // [n, width]  contiguous; width even, a divisor of c
  tensor_view<T, 2, B> y;                   // [n, c]  =
};

namespace detail::rotary_cpo {

void rotary() = delete;

template <class B, class X, class A>
concept on = requires(B const& b, X const& x, A const& a) {
  rotary(b, x, a);
};

struct fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<rotary_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "rotary";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    index_t const n = x.extent(0), c = x.extent(1), width = a.cosine.extent(1);
    expect_shape(op, "x", x, x.extents(), at);
    expect_row_contiguous(op, "x", x, at);
    if (width < 2 || width % 2 != 0 || c % width != 0)
      throw_expected(op, "cosine.extent(1)", "an even divisor of x.extent(1) = " + std::to_string(c),
                     std::to_string(width), at);
    expect_shape(op, "cosine", a.cosine, shape{n, width}, at);
    expect_contiguous(op, "cosine", a.cosine, at);
    expect_shape(op, "sine", a.sine, shape{n, width}, at);
    expect_contiguous(op, "sine", a.sine, at);
    expect_shape(op, "y", a.y, shape{n, c}, at);
    expect_row_contiguous(op, "y", a.y, at);
    if constexpr (on<B, decltype(x), rotary_args<element_t<X>, B>>)
      rotary(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "rotary: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
                    "backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::rotary_cpo

inline constexpr detail::rotary_cpo::fn rotary{};

}  // namespace scale
