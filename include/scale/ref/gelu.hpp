// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference Gaussian error linear unit.

#include <scale/ops/gelu.hpp>
#include <scale/ref/context.hpp>

#include <cmath>
#include <numbers>

namespace scale::ref {

namespace detail {

/// x * Phi(x). erfc keeps the relative accuracy of the lower tail; the limit at -infinity is -0.
template <class Stat>
Stat gelu(Stat x) {
  Stat const phi = std::erfc(-x / std::numbers::sqrt2_v<Stat>) / Stat(2);
  return phi == Stat(0) ? Stat(-0.0) : x * phi;
}

/// Derivative of x * Phi(x).
template <class Stat>
Stat gelu_derivative(Stat x) {
  Stat const phi = std::erfc(-x / std::numbers::sqrt2_v<Stat>) / Stat(2);
  Stat const density = std::exp(-x * x / Stat(2)) * (std::numbers::inv_sqrtpi_v<Stat> / std::numbers::sqrt2_v<Stat>);
  return density == Stat(0) ? phi : phi + x * density;
}

}  // namespace detail

template <floating T>
void gelu_forward(context const&, tensor_view<T const, 2, context> x, gelu_forward_args<T, context> const& a) {
  for (index_t i = 0; i < x.extent(0); ++i)
    for (index_t j = 0; j < x.extent(1); ++j) a.y(i, j) = T(detail::gelu(stat_t<T>(x(i, j))));
}

template <floating T>
void gelu_backward(context const&, tensor_view<T const, 2, context> x, gelu_backward_args<T, context> const& a) {
  using stat = stat_t<T>;
  for (index_t i = 0; i < x.extent(0); ++i)
    for (index_t j = 0; j < x.extent(1); ++j) a.dx(i, j) = T(stat(a.dy(i, j)) * detail::gelu_derivative(stat(x(i, j))));
}

}  // namespace scale::ref
