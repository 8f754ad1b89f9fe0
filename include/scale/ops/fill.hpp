// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sets all elements of a tensor to one value: contract of fill.

#include <scale/core/tensor.hpp>

#include <cmath>
#include <limits>
#include <string>

namespace scale {

namespace detail::fill_cpo {

void fill() = delete;

template <class B, class View, class T>
concept fill_on = requires(B const& b, View view, T value) {
  fill(b, view, value);
};

/// Backends receive a contiguous view of rank 1 and the value as an element.
struct fill_fn {
  template <backend B, class X>
  requires readable_by<X, B>
  void operator()(B const& b, X&& destination, double value, location at = location::current()) const {
    using T = element_t<X>;
    tensor_view<T, rank_of<X>, B> const view = destination;
    expect_shape("fill", "destination", view, view.extents(), at);
    expect_contiguous("fill", "destination", view, at);
    T element;
    if constexpr (std::is_integral_v<T>) {
      constexpr double bound = 2.0 * static_cast<double>((std::numeric_limits<T>::max)() / 2 + 1);  // exact
      if (!(value >= static_cast<double>((std::numeric_limits<T>::min)()) && value < bound &&
            std::trunc(value) == value))
        throw_expected("fill", "value", "an integer that " + std::string(name_of(dtype_of<T>)) + " holds",
                       std::to_string(value), at);
      element = static_cast<T>(value);
    } else if constexpr (std::is_same_v<T, double>) {
      element = value;
    } else {
      element = static_cast<T>(static_cast<float>(value));
    }
    tensor_view<T, 1, B> const flat(view.data_handle(), shape{view.size()});
    if constexpr (fill_on<B, tensor_view<T, 1, B>, T>)
      fill(b, flat, element);
    else
      static_assert(sizeof(T) == 0,
                    "fill: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
                    "backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::fill_cpo

/// fill(b, destination, value): every element of a contiguous tensor = value, rounded to the element type. Integer
/// types take integers in their range only.
inline constexpr detail::fill_cpo::fill_fn fill{};

}  // namespace scale
