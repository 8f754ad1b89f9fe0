// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference rectified linear unit bounded by 6.

#include <scale/ops/relu6.hpp>
#include <scale/ref/context.hpp>

namespace scale::ref {

template <floating T>
void relu6_forward(context const&, tensor_view<T const, 2, context> x, relu6_forward_args<T, context> const& a) {
  using stat = stat_t<T>;
  for (index_t i = 0; i < x.extent(0); ++i)
    for (index_t j = 0; j < x.extent(1); ++j) {
      stat const value = stat(x(i, j));
      a.y(i, j) = T(value < 0 ? stat(0) : value > 6 ? stat(6) : value);
    }
}

template <floating T>
void relu6_backward(context const&, tensor_view<T const, 2, context> x, relu6_backward_args<T, context> const& a) {
  using stat = stat_t<T>;
  for (index_t i = 0; i < x.extent(0); ++i)
    for (index_t j = 0; j < x.extent(1); ++j) {
      stat const value = stat(x(i, j)), dy = stat(a.dy(i, j));
      a.dx(i, j) = T(value > 0 && value < 6 ? dy : stat(0));
    }
}

}  // namespace scale::ref
