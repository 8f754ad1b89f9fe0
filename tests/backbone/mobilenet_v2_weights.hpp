// SPDX-License-Identifier: Apache-2.0
#pragma once
// A MobileNetV2 of small width with filled weights, in memory and as a file.

#include <scale/backbone/mobilenet_v2/architecture.hpp>
#include <scale/io/safetensors_writer.hpp>

#include "support/golden_fill.hpp"
#include <unistd.h>

#include <filesystem>
#include <list>
#include <map>
#include <string>
#include <vector>

namespace testing {

/// Every kind of block: without expansion, with and without residual, stride 1 and 2.
inline scale::mobilenet_v2_architecture small_architecture() {
  return {.stem = 5, .last = 24, .stages = {{1, 4, 1, 1}, {3, 6, 2, 2}, {2, 9, 1, 2}, {4, 9, 1, 1}}};
}

struct named_tensor {
  std::string name;
  std::vector<scale::index_t> shape;
  std::vector<float> values;
};

/// All tensors of the network, and of a classifier with `classes` classes where that is not 0.
inline std::vector<named_tensor> filled_weights(scale::mobilenet_v2_architecture const& architecture,
                                                scale::index_t classes) {
  auto specs = scale::mobilenet_v2_weights(scale::mobilenet_v2_blocks(architecture));
  if (classes > 0) {
    specs.push_back({"classifier.1.weight", {classes, architecture.last}});
    specs.push_back({"classifier.1.bias", {classes}});
  }
  std::vector<named_tensor> tensors;
  for (auto const& spec : specs) {
    auto const values = golden::fill_parameter(spec.name, spec.shape, 3);
    tensors.push_back({spec.name, spec.shape, std::vector<float>(values.begin(), values.end())});
  }
  return tensors;
}

/// Tensors in a file of their own, removed at the end.
class weights_file {
 public:
  explicit weights_file(std::vector<named_tensor> const& tensors)
      : path_(std::filesystem::temp_directory_path() /
              ("scale_mobilenet_" + std::to_string(::getpid()) + "_" + std::to_string(count_++) + ".safetensors")) {
    std::vector<scale::stored_tensor> stored;
    for (auto const& t : tensors) stored.push_back(scale::as_stored(t.name, t.shape, std::span<float const>(t.values)));
    scale::write_safetensors(path_, stored);
  }
  ~weights_file() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  weights_file(weights_file const&) = delete;
  weights_file& operator=(weights_file const&) = delete;

  std::filesystem::path const& path() const { return path_; }

 private:
  static inline int count_ = 0;
  std::filesystem::path path_;
};

}  // namespace testing
