// SPDX-License-Identifier: Apache-2.0
#pragma once
// Copies or adds a matrix: contract of copy.

#include <scale/core/tensor.hpp>
#include <scale/ops/write_mode.hpp>

#include <string>

namespace scale {

/// y = x or y += x, for x [n, c] of any element type; y += x for float, double and bf16 only. Rows may lie apart;
/// y must not overlap x.
template <class T, backend B>
struct copy_args {
  tensor_view<T, 2, B> y;  // [n, c]  = or +=, see mode
  write_mode mode = write_mode::assign;
};

namespace detail::copy_cpo {

void copy() = delete;

template <class B, class X, class A>
concept on = requires(B const& b, X const& x, A const& a) {
  copy(b, x, a);
};

struct fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<copy_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "copy";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    expect_shape(op, "x", x, x.extents(), at);
    index_t const n = x.extent(0), c = x.extent(1);
    expect_row_contiguous(op, "x", x, at);
    expect_shape(op, "y", a.y, shape{n, c}, at);
    expect_row_contiguous(op, "y", a.y, at);
    expect(floating<element_t<X>> || a.mode == write_mode::assign, op,
           "mode: accumulate is defined for f32, f64 and bf16, not for " + std::string(name_of(dtype_of<element_t<X>>)),
           at);
    if constexpr (on<B, decltype(x), copy_args<element_t<X>, B>>)
      copy(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "copy: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
                    "backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::copy_cpo

inline constexpr detail::copy_cpo::fn copy{};

}  // namespace scale
