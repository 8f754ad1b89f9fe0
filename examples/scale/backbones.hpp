// SPDX-License-Identifier: Apache-2.0
#pragma once
// The backbones this program knows, by name. A new one is added here and nowhere else.

#include <scale/backbone.hpp>
#include <scale/io/safetensors.hpp>

#include "scale/program.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace scale::program {

struct backbone_choice {
  std::string name = "motion_energy";
  std::string weights;
  frame_pooling pooling = frame_pooling::mean;
  bool pooling_given = false;
  std::vector<std::string> allow;
};

/// Defaults of the backbone of that name. Throws argument_error for a name that is none.
inline backbone_defaults defaults_of(std::string const& name) {
  if (name == "motion_energy") return motion_energy_backbone<float, ref::context>::defaults();
  if (name == "mobilenet_v2") return mobilenet_v2_backbone<float, ref::context>::defaults();
  throw argument_error("--backbone: expected motion_energy or mobilenet_v2, got " + name);
}

/// Makes the backbone and calls f(backbone).
template <class T, class B, class F>
auto with_backbone(B const& b, backbone_choice const& choice, int threads, F&& f) {
  static_cast<void>(defaults_of(choice.name));
  if (choice.name == "motion_energy") {
    expect(choice.weights.empty(), "--weights", "motion_energy is a formula and has no weights");
    expect(!choice.pooling_given, "--frame-pool", "motion_energy looks at whole clips: there are no frames to pool");
    motion_energy_backbone<T, B> backbone(threads);
    return f(backbone);
  }
  expect(!choice.weights.empty(), "--weights", choice.name + " needs a weights file");
  safetensors_file const file(choice.weights);
  mobilenet_v2_options options;
  options.pooling = choice.pooling;
  mobilenet_v2_backbone<T, B> backbone(b, file, options, choice.allow);
  return f(backbone);
}

}  // namespace scale::program
