// SPDX-License-Identifier: Apache-2.0
#pragma once
// Networks of golden files: configurations, filled parameters, gradients by name.

#include <scale/nn/parameters.hpp>
#include <scale/nn/set_transformer_config.hpp>

#include "scale/verify/device_tensor.hpp"
#include "scale/verify/golden_case.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace scale::program {

/// Writes the filled values of every parameter of `p` that the case has, under its name without `prefix`. Throws
/// input_error where the case lacks one, or has it in another shape.
template <floating T, backend B>
void fill_parameters(B const& b, golden_case const& golden, parameters<T, B>& p, std::string const& prefix = "") {
  for (parameter_entry const& entry : p.table().entries()) {
    std::string const name = entry.name.substr(prefix.size());
    if (golden.parameter_shape(name) != entry.shape)
      throw input_error(golden.file().path().string() + ": parameter '" + name + "' has another shape than expected");
    std::vector<double> const values = golden.parameter(name);
    std::vector<acc_t<T>> const typed(values.begin(), values.end());
    p.write(b, entry.name, typed);
  }
}

template <floating T, backend B>
parameters<T, B> filled_parameters(B const& b, golden_case const& golden, std::vector<parameter_spec> specs,
                                   std::string const& prefix = "") {
  parameters<T, B> p(b, parameter_table(std::move(specs)));
  fill_parameters(b, golden, p, prefix);
  p.require_gradients(b);
  return p;
}

/// Compares every gradient with `grad/NAME`, or its sketch with `grad_sketch/NAME` where only that is stored.
template <floating T, backend B>
void check_gradients(B const& b, parameters<T, B>& p, comparison& result, std::string const& prefix = "") {
  for (parameter_entry const& entry : p.table().entries()) {
    auto const gradient = p.read_gradient(b, entry.name);
    std::vector<double> const values(gradient.begin(), gradient.end());
    std::string const name = entry.name.substr(prefix.size());
    if (result.has("grad_sketch/" + name))
      result.check_sketch("grad_sketch/" + name, values);
    else
      result.check("grad/" + name, values);
  }
}

/// The set transformer that a case describes, without dropout.
inline set_transformer_config network_of(golden_case const& golden, pretraining_heads heads) {
  auto const& c = golden.config();
  set_transformer_config config;
  config.features = c.at("D").get<index_t>();
  config.width = c.at("H").get<index_t>();
  config.layers = c.at("L").get<index_t>();
  config.mlp_ratio = c.value("mlp_ratio", config.mlp_ratio);
  config.dropout = 0;
  config.heads = heads;
  config.pred_hidden = c.value("pred_hidden", config.pred_hidden);
  config.target_hidden = c.value("target_hidden", config.target_hidden);
  config.set_dim = c.value("set_dim", config.set_dim);
  config.dense_dim = c.value("dense_dim", config.dense_dim);
  config.set_temperature = c.value("set_temperature", config.set_temperature);
  config.dense_temperature = c.value("dense_temperature", config.dense_temperature);
  config.set_weight = c.value("set_weight", config.set_weight);
  config.dense_weight = c.value("dense_weight", config.dense_weight);
  return config;
}

/// Rows [n, width] of a filled tensor whose last axis is `width`.
template <floating T, backend B>
tensor<T, 2, B> filled_rows(B const& b, golden_case const& golden, std::string const& name) {
  auto const extents = golden.filled_shape(name);
  index_t rows = 1;
  for (std::size_t axis = 0; axis + 1 < extents.size(); ++axis) rows *= extents[axis];
  return to_device<T>(b, shape{rows, extents.back()}, golden.filled(name));
}

}  // namespace scale::program
