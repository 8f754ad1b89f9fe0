// SPDX-License-Identifier: Apache-2.0
#pragma once
// Small networks and batches with random numbers, the same in every element type but rounded.

#include <scale/nn.hpp>

#include <support/compare.hpp>
#include <support/random_tensor.hpp>
#include <support/tolerance.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace testing {

using scale::index_t;

inline scale::set_transformer_config small_config() {
  scale::set_transformer_config c;
  c.features = 11;
  c.width = 64;
  c.layers = 2;
  c.dropout = 0.1;
  c.pred_hidden = 24;
  c.target_hidden = 20;
  c.set_dim = 12;
  c.dense_dim = 10;
  return c;
}

/// Every parameter random, the tokens too, so that no gradient vanishes by symmetry. Values are those of float.
template <scale::floating T, scale::backend B>
scale::set_transformer_model<T, B> random_model(B const& b, scale::set_transformer_config const& config) {
  scale::set_transformer_model<T, B> model(b, config, 3);
  std::uint32_t which = 100;
  for (scale::parameter_entry const& entry : model.parameters().table().entries()) {
    bool const gamma = entry.initial == scale::initial_value::one;
    double const half = entry.fan_in > 0 && entry.shape.size() == 2 ? 1.7 / std::sqrt(double(entry.fan_in)) : 0.3;
    std::vector<float> const values =
        random_values<float>(entry.size, which++, gamma ? 1 - half : -half, gamma ? 1 + half : half);
    model.parameters().write(b, entry.name, converted<scale::acc_t<T>>(values));
  }
  return model;
}

/// Clips of `sets` sets; values are those of float.
struct clip_numbers {
  index_t sets, clips, features;
  std::vector<double> x, position;
  std::vector<std::uint8_t> mask;

  clip_numbers(index_t set_count, index_t clip_count, index_t width, double mask_ratio, std::uint32_t which = 1)
      : sets(set_count), clips(clip_count), features(width) {
    x = converted<double>(random_values<float>(sets * clips * width, which, -1.7, 1.7));
    position = converted<double>(random_values<float>(sets * clips * scale::position_width, which + 1, 0, 1));
    for (double const u : random_values(sets * clips, which + 2, 0, 1)) mask.push_back(u < mask_ratio ? 1 : 0);
  }

  index_t masked() const {
    index_t n = 0;
    for (std::uint8_t const m : mask) n += m;
    return n;
  }
};

/// The same on a backend.
template <scale::floating T, scale::backend B>
struct clip_tensors {
  scale::tensor<T, 2, B> x, position;

  clip_tensors(B const& b, clip_numbers const& n)
      : x(make_tensor<2>(b, scale::shape{n.sets * n.clips, n.features}, converted<T>(n.x))),
        position(make_tensor<2>(b, scale::shape{n.sets * n.clips, scale::position_width}, converted<T>(n.position))) {}

  scale::clip_sets<T, B> view(clip_numbers const& n) const {
    return {.x = x.view(), .position = position.view(), .clips = n.clips, .mask = n.mask};
  }
};

/// Holds a gradient, laid out as the parameters, against differences of f in six elements of every parameter, its first
/// and last among them. The step is small, so that it hardly ever crosses a kink of the position MLP's ReLU.
template <class B, class F>
void check_parameter_gradient(scale::parameters<double, B>& p, std::vector<double> const& gradient, F const& f) {
  constexpr double step = 2e-5;
  std::vector<double> got, expected;
  double* const values = p.values().data_handle();
  for (scale::parameter_entry const& entry : p.table().entries())
    for (index_t k = 0; k < 6; ++k) {
      index_t const i = entry.offset + (entry.size - 1) * k / 5;
      auto const at = [&](double offset) {
        double const centre = values[i];
        values[i] = centre + offset;
        double const result = f();
        values[i] = centre;
        return result;
      };
      expected.push_back((8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step));
      got.push_back(gradient[std::size_t(i)]);
    }
  check_close("gradient", got, expected, difference_tolerance);
}

template <scale::floating T, scale::backend B>
std::vector<scale::acc_t<T>> all_gradients(B const& b, scale::parameters<T, B>& p) {
  std::vector<scale::acc_t<T>> all(std::size_t(p.table().size()));
  scale::download(b, p.gradients(), all);
  return all;
}

}  // namespace testing
