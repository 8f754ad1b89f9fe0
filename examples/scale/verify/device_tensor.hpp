// SPDX-License-Identifier: Apache-2.0
#pragma once
// Between golden files (vectors of double on the host) and a backend's tensors.

#include <scale/core/tensor.hpp>
#include <scale/ops/fill.hpp>
#include <scale/ops/transfer.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace scale::program {

template <floating T, int Rank, backend B>
tensor<T, Rank, B> to_device(B const& b, shape<Rank> const& s, std::vector<double> const& values) {
  std::vector<T> converted;
  converted.reserve(values.size());
  for (double const value : values) converted.push_back(T(static_cast<acc_t<T>>(value)));
  tensor<T, Rank, B> result(b, s);
  upload(b, std::span<T const>(converted), result);
  return result;
}

template <backend B>
tensor<std::int32_t, 1, B> to_device(B const& b, std::vector<std::int32_t> const& values) {
  tensor<std::int32_t, 1, B> result(b, shape{static_cast<index_t>(values.size())});
  upload(b, std::span<std::int32_t const>(values), result);
  return result;
}

template <floating T, int Rank, backend B>
tensor<T, Rank, B> zeros(B const& b, shape<Rank> const& s) {
  tensor<T, Rank, B> result(b, s);
  fill(b, result, 0);
  return result;
}

template <class X, backend B>
std::vector<double> to_host(B const& b, X const& x) {
  using T = element_t<X>;
  std::vector<T> values(static_cast<std::size_t>(x.size()));
  download(b, x, std::span<T>(values));
  return {values.begin(), values.end()};
}

/// A shape of the golden file's extents.
template <int Rank>
shape<Rank> to_shape(std::vector<index_t> const& extents, location at = location::current()) {
  expect(extents.size() == static_cast<std::size_t>(Rank), "to_shape", "another rank than expected", at);
  shape<Rank> s;
  for (int axis = 0; axis < Rank; ++axis) s[axis] = extents[static_cast<std::size_t>(axis)];
  return s;
}

}  // namespace scale::program
