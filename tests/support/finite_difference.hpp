// SPDX-License-Identifier: Apache-2.0
#pragma once
// Gradients by central differences of fourth order, to hold backward passes against.

#include <support/compare.hpp>
#include <support/tolerance.hpp>

#include <cstddef>
#include <string_view>
#include <vector>

namespace testing {

/// Derivatives of f at x, f a scalar function of the whole vector. Four evaluations per element.
template <class F>
std::vector<double> difference_gradient(F const& f, std::vector<double> x, double step = 1e-3) {
  std::vector<double> gradient(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    double const centre = x[i];
    auto const at = [&](double offset) {
      x[i] = centre + offset;
      return static_cast<double>(f(x));
    };
    gradient[i] = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step);
    x[i] = centre;
  }
  return gradient;
}

/// Holds `gradient` against differences of f at x.
template <class F>
void check_gradient(std::string_view name, F const& f, std::vector<double> const& x,
                    std::vector<double> const& gradient) {
  check_close(name, gradient, difference_gradient(f, x), difference_tolerance);
}

inline double dot(std::vector<double> const& a, std::vector<double> const& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace testing
