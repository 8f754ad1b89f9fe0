// SPDX-License-Identifier: Apache-2.0
// Writes one small file of each of our formats into a folder, for formats_test.py.
#include <scale/ref.hpp>
#include <scale/train/checkpoint.hpp>
#include <scale/train/model_file.hpp>

#include "data/small_store.hpp"

#include <exception>
#include <filesystem>
#include <iostream>

namespace {

using context = scale::ref::context;

void write(std::filesystem::path const& folder) {
  context const b;
  scale::set_transformer_config config;
  config.features = 3;
  config.width = 32;
  config.layers = 1;
  config.pred_hidden = config.target_hidden = config.set_dim = config.dense_dim = 2;
  scale::parameters<float, context> params(b, scale::parameter_table(scale::set_transformer_parameters(config)));
  scale::tensor<float, 1, context> moments(b, scale::shape{params.table().size()});
  scale::fill(b, params.values(), 0.5);
  scale::fill(b, moments, 0.25);
  scale::write_checkpoint<float, context>(folder / "checkpoint", b, params, moments, moments, {7, 1, {{"lr", 1}}, {}});
  scale::model_description about;
  about.config = config;
  scale::write_model(folder / "model", b, params, about);
  testing::write_store(folder / "store16", scale::stored_type::f16, 3, {2, 2});
  testing::write_store(folder / "store32", scale::stored_type::f32, 3, {1, 3});
}

}  // namespace

int main(int count, char** arguments) {
  try {
    if (count != 2) throw scale::argument_error("expected a folder");
    write(arguments[1]);
    return 0;
  } catch (std::exception const& e) {
    std::cerr << "write_samples: " << e.what() << '\n';
    return 1;
  }
}
