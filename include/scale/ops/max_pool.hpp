// SPDX-License-Identifier: Apache-2.0
#pragma once
// Maximum over windows in three dimensions: contract of max_pool_forward and max_pool_backward.

#include <scale/core/tensor.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

namespace scale {

/// y[n, c, t2, h2, w2] = maximum of x[n, c, t, h, w] over the window; what lies outside of x is never the maximum. An
/// output extent is (in + 2 pad - kernel) / stride + 1, rounded down; pad < kernel. A NaN in the window gives NaN. x, y
/// and argmax may have any strides; they must not alias.
template <class T, backend B>
struct max_pool_forward_args {
  tensor_view<T, 5, B> y;                    // [n, c, t2, h2, w2]  =
  tensor_view<std::int32_t, 5, B> argmax{};  // shape of y, optional = (t * h_extent + h) * w_extent + w of the maximum,
                                             // the first of equals; kept for backward
  index_t kernel[3], stride[3], pad[3];
};

/// Gradient of x from dy: each dy is added at its argmax, which must be that of the forward.
template <class T, backend B>
struct max_pool_backward_args {
  tensor_view<std::int32_t const, 5, B> argmax;  // shape of dy
  tensor_view<T, 5, B> dx;                       // shape of x  =
};

namespace detail::max_pool_cpo {

/// Places of a channel must be countable in 32 bits.
template <class T, backend B>
void check_plane(char const* op, tensor_view<T, 5, B> const& x, location at) {
  index_t const places = x.extent(2) * x.extent(3) * x.extent(4);
  if (places > (std::numeric_limits<std::int32_t>::max)())
    throw_expected(op, "places per channel", "fewer than 2^31", std::to_string(places), at);
}

void max_pool_forward() = delete;
void max_pool_backward() = delete;

template <class B, class X, class A>
concept forward_on = requires(B const& b, X const& x, A const& a) {
  max_pool_forward(b, x, a);
};
template <class B, class X, class A>
concept backward_on = requires(B const& b, X const& x, A const& a) {
  max_pool_backward(b, x, a);
};

struct forward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<max_pool_forward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "max_pool_forward";
    tensor_view<element_t<X> const, 5, B> const x = x_;
    shape<5> out = x.extents();
    for (int i = 0; i < 3; ++i) {
      std::string const which = "[" + std::to_string(i) + "]";
      if (a.kernel[i] < 1) throw_expected(op, "kernel" + which, "at least 1", std::to_string(a.kernel[i]), at);
      if (a.stride[i] < 1) throw_expected(op, "stride" + which, "at least 1", std::to_string(a.stride[i]), at);
      if (a.pad[i] < 0 || a.pad[i] >= a.kernel[i])
        throw_expected(op, "pad" + which, "in [0, kernel = " + std::to_string(a.kernel[i]) + ")",
                       std::to_string(a.pad[i]), at);
      index_t const room = x.extent(i + 2) + 2 * a.pad[i];
      if (x.extent(i + 2) < 1 || a.kernel[i] > room)
        throw_expected(op, "kernel" + which, "at most the padded extent of x " + to_string(x.extents()),
                       std::to_string(a.kernel[i]), at);
      out[i + 2] = (room - a.kernel[i]) / a.stride[i] + 1;
    }
    check_plane(op, x, at);
    expect_shape(op, "y", a.y, out, at);
    expect_shape_if_given(op, "argmax", a.argmax, out, at);
    if constexpr (forward_on<B, decltype(x), max_pool_forward_args<element_t<X>, B>>)
      max_pool_forward(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "max_pool_forward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

struct backward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& dy_, std::type_identity_t<max_pool_backward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "max_pool_backward";
    tensor_view<element_t<X> const, 5, B> const dy = dy_;
    expect_shape(op, "argmax", a.argmax, dy.extents(), at);
    expect_extent(op, "dx", a.dx, 0, dy.extent(0), "dy.extent(0)", at);
    expect_extent(op, "dx", a.dx, 1, dy.extent(1), "dy.extent(1)", at);
    check_plane(op, a.dx, at);
    expect(a.dx.has_data() || a.dx.size() == 0, op, "dx: expected a tensor, got a view without data", at);
    if constexpr (backward_on<B, decltype(dy), max_pool_backward_args<element_t<X>, B>>)
      max_pool_backward(b, dy, a);
    else
      static_assert(sizeof(X) == 0,
                    "max_pool_backward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::max_pool_cpo

inline constexpr detail::max_pool_cpo::forward_fn max_pool_forward{};
inline constexpr detail::max_pool_cpo::backward_fn max_pool_backward{};

}  // namespace scale
