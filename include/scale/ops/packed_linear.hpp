// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fully connected layer whose weights never change: contract of packed_linear_size, pack_linear and packed_linear.

#include <scale/core/tensor.hpp>
#include <scale/ops/activation.hpp>
#include <scale/ops/write_mode.hpp>

#include <string>
#include <type_traits>

namespace scale {

/// Puts a weight [o, i], contiguous, into the order in which this backend multiplies it fastest. What lies in `packed`
/// is the backend's own affair: not to be stored, nor read elsewhere. `weight` is not needed afterwards.
template <class T, backend B>
struct pack_linear_args {
  tensor_view<T, 1, B> packed;  // [packed_linear_size<T>(b, i, o)]  =
};

/// y = act(x W^T + bias) or y += x W^T + bias, for x [n, i] and a packed W. Rows of x and y may lie apart; y must not
/// alias x. The order of each sum does not depend on the number of threads. O(n i o) time, no memory that grows with n.
template <class T, backend B>
struct packed_linear_args {
  tensor_view<T const, 1, B> packed;  // [packed_linear_size<T>(b, i, o)], from pack_linear
  tensor_view<T const, 1, B> bias{};  // [o]     optional
  tensor_view<T, 2, B> y;             // [n, o]  = or +=, see mode
  activation act = activation::none;  // none or gelu; none where y is added to
  write_mode mode = write_mode::assign;
};

namespace detail::packed_linear_cpo {

void packed_linear_size() = delete;
void pack_linear() = delete;
void packed_linear() = delete;

template <class B, class T>
concept size_on = requires(B const& b, std::type_identity<T> type, index_t n) {
  packed_linear_size(b, type, n, n);
};
template <class B, class X, class A>
concept pack_on = requires(B const& b, X const& x, A const& a) {
  pack_linear(b, x, a);
};
template <class B, class X, class A>
concept forward_on = requires(B const& b, X const& x, A const& a) {
  packed_linear(b, x, a);
};

template <class T>
struct size_fn {
  template <backend B>
  index_t operator()(B const& b, index_t inputs, index_t outputs, location at = location::current()) const {
    if (inputs < 1 || outputs < 1)
      throw_expected("packed_linear_size", "weight shape", "at least one row and column",
                     to_string(shape{outputs, inputs}), at);
    if constexpr (size_on<B, T>)
      return packed_linear_size(b, std::type_identity<T>{}, inputs, outputs);
    else
      static_assert(sizeof(B) == 0,
                    "packed_linear_size: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

struct pack_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& weight_, std::type_identity_t<pack_linear_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "pack_linear";
    tensor_view<element_t<X> const, 2, B> const weight = weight_;
    expect_shape(op, "weight", weight, weight.extents(), at);
    expect_contiguous(op, "weight", weight, at);
    index_t const size = size_fn<element_t<X>>()(b, weight.extent(1), weight.extent(0), at);
    expect_shape(op, "packed", a.packed, shape{size}, at);
    expect_contiguous(op, "packed", a.packed, at);
    if constexpr (pack_on<B, decltype(weight), pack_linear_args<element_t<X>, B>>)
      pack_linear(b, weight, a);
    else
      static_assert(sizeof(X) == 0,
                    "pack_linear: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
                    "backend, or see docs/support-matrix.md");
  }
};

struct forward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<packed_linear_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "packed_linear";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    index_t const n = x.extent(0), o = a.y.extent(1);
    expect_shape(op, "x", x, x.extents(), at);
    expect_row_contiguous(op, "x", x, at);
    expect_shape(op, "y", a.y, shape{n, o}, at);
    expect_row_contiguous(op, "y", a.y, at);
    expect_shape(op, "packed", a.packed, shape{size_fn<element_t<X>>()(b, x.extent(1), o, at)}, at);
    expect_contiguous(op, "packed", a.packed, at);
    expect_shape_if_given(op, "bias", a.bias, shape{o}, at);
    expect_contiguous(op, "bias", a.bias, at);
    expect(a.act == activation::none || a.act == activation::gelu, op, "act: expected none or gelu", at);
    expect(a.act == activation::none || a.mode == write_mode::assign, op,
           "act: expected none where mode is accumulate, got gelu", at);
    if constexpr (forward_on<B, decltype(x), packed_linear_args<element_t<X>, B>>)
      packed_linear(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "packed_linear: this backend has no overload for this element type; include <scale/NAME.hpp> of "
                    "the backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::packed_linear_cpo

/// packed_linear_size<T>(b, inputs, outputs): how many elements a packed weight [outputs, inputs] takes.
template <class T>
inline constexpr detail::packed_linear_cpo::size_fn<T> packed_linear_size{};

inline constexpr detail::packed_linear_cpo::pack_fn pack_linear{};
inline constexpr detail::packed_linear_cpo::forward_fn packed_linear{};

}  // namespace scale
