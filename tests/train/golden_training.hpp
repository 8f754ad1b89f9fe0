// SPDX-License-Identifier: Apache-2.0
#pragma once
// What tests of training share: golden inputs as tensors, filled parameters, and comparison by name.

#include <scale/core/tensor.hpp>
#include <scale/nn/parameters.hpp>
#include <scale/ops/transfer.hpp>

#include "video/golden_cases.hpp"

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

namespace golden {

/// An element type on a backend, as one argument of a templated test case.
template <class T, class B>
struct on {
  using element = T;
  using context = B;
  static constexpr char const* type = sizeof(T) == 8 ? "fp64" : "fp32";
};

template <class T, int Rank, class B>
scale::tensor<T, Rank, B> to_tensor(B const& b, std::vector<double> const& values, scale::shape<Rank> const& s) {
  std::vector<T> typed;
  typed.reserve(values.size());
  for (double const v : values) {
    if constexpr (std::is_integral_v<T> || std::is_same_v<T, double>)
      typed.push_back(static_cast<T>(v));
    else
      typed.push_back(T(static_cast<float>(v)));
  }
  scale::tensor<T, Rank, B> out(b, s);
  scale::upload(b, std::span<T const>(typed), out.view());
  return out;
}

template <class T, int Rank, class B>
std::vector<T> to_host(B const& b, scale::tensor_view<T const, Rank, B> view) {
  std::vector<T> out(static_cast<std::size_t>(view.size()));
  scale::download(b, view, std::span<T>(out));
  return out;
}

/// Fills every parameter of `p` as the golden files do.
template <class T, class B>
void fill_parameters(B const& b, scale::parameters<T, B>& p, std::uint64_t seed) {
  for (auto const& entry : p.table().entries()) {
    std::vector<double> const values = fill_parameter(entry.name, entry.shape, seed);
    p.write(b, entry.name, std::vector<T>(values.begin(), values.end()));
  }
}

/// The limit of a tensor by its full name, else by what stands before the first slash.
inline double limit_of(file_case const& c, char const* type, std::string const& name) {
  auto const& limits = c.tolerance.at(type);
  return limits.contains(name) ? limits.at(name).get<double>()
                               : limits.at(name.substr(0, name.find('/'))).get<double>();
}

/// [B * V, classes] -> [B, classes, V], the order of the golden logits.
template <class T>
std::vector<T> clips_last(std::vector<T> const& logits, std::size_t sets, std::size_t clips, std::size_t classes) {
  std::vector<T> out(logits.size());
  for (std::size_t i = 0; i < sets; ++i)
    for (std::size_t v = 0; v < clips; ++v)
      for (std::size_t c = 0; c < classes; ++c)
        out[(i * classes + c) * clips + v] = logits[(i * clips + v) * classes + c];
  return out;
}

}  // namespace golden
