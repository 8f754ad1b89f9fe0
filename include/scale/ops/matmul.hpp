// SPDX-License-Identifier: Apache-2.0
#pragma once
// Matrix product: contract of matmul.

#include <scale/core/tensor.hpp>
#include <scale/ops/write_mode.hpp>

namespace scale {

enum class transpose {
  no,
  yes,
};

/// c = op(a) op(b) or c += op(a) op(b). The positional matrix a is [m, k], or [k, m] with transpose_a = yes. Rows of
/// all three may lie apart; c must alias neither. k = 0 is legal: the product is 0. O(m n k).
template <class T, backend B>
struct matmul_args {
  tensor_view<T const, 2, B> b;  // [k, n], or [n, k] with transpose_b = yes
  tensor_view<T, 2, B> c;        // [m, n]  = or +=, see mode
  transpose transpose_a = transpose::no;
  transpose transpose_b = transpose::no;
  write_mode mode = write_mode::assign;
};

namespace detail::matmul_cpo {

void matmul() = delete;

template <class B, class X, class A>
concept on = requires(B const& b, X const& x, A const& a) {
  matmul(b, x, a);
};

struct fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<matmul_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "matmul";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    expect_shape(op, "a", x, x.extents(), at);
    bool const a_flipped = a.transpose_a == transpose::yes, b_flipped = a.transpose_b == transpose::yes;
    index_t const m = x.extent(a_flipped ? 1 : 0), k = x.extent(a_flipped ? 0 : 1);
    index_t const n = a.b.extent(b_flipped ? 0 : 1);
    expect_row_contiguous(op, "a", x, at);
    expect_shape(op, "b", a.b, b_flipped ? shape{n, k} : shape{k, n}, at);
    expect_row_contiguous(op, "b", a.b, at);
    expect_shape(op, "c", a.c, shape{m, n}, at);
    expect_row_contiguous(op, "c", a.c, at);
    if constexpr (on<B, decltype(x), matmul_args<element_t<X>, B>>)
      matmul(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "matmul: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
                    "backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::matmul_cpo

inline constexpr detail::matmul_cpo::fn matmul{};

}  // namespace scale
