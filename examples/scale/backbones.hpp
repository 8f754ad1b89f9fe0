// SPDX-License-Identifier: Apache-2.0
#pragma once
// The backbones this program knows, by name. A new one is a row in a file of backbones/.

#include <scale/backbone/backbone.hpp>

#include "scale/backbones/loaded_backbone.hpp"
#include "scale/backends.hpp"
#include "scale/program.hpp"

#include <functional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

namespace scale::program {

struct backbone_choice {
  std::string name = "motion_energy";
  std::string weights;
  bool filled = false;  // in place of weights: numbers like those of a network before training
  frame_pooling pooling = frame_pooling::mean;
  bool pooling_given = false;
  std::vector<std::string> allow;
};

struct backbone_entry {
  template <class T, class B>
  using maker = std::function<loaded_backbone<T, B>(B const&, backbone_choice const&, int threads)>;

  std::string name;
  backbone_input input = backbone_input::clip;
  bool has_weights = false;
  backbone_defaults defaults;
#define SCALE_MAKER(T, B) maker<T, B>,
  std::tuple<SCALE_PROGRAM_FOR_EACH_BACKEND(SCALE_MAKER) std::monostate> makers;  // one for each pair
#undef SCALE_MAKER
};

std::vector<backbone_entry> frame_backbones();
std::vector<backbone_entry> convolutional_backbones();
std::vector<backbone_entry> transformer_backbones();

/// All of them, in the order of the help.
std::vector<backbone_entry> const& backbone_entries();

bool is_backbone(std::string const& name);

/// Their names, "motion_energy or mobilenet_v2 or ...".
std::string backbone_names();

/// Throws argument_error for a name that is none.
backbone_entry const& entry_of_backbone(std::string const& name);

/// Throws argument_error where an option was given that the backbone has no use for, or one is lacking.
void check_choice(backbone_entry const& entry, backbone_choice const& choice);

/// Makes a backbone. Throws as check_choice and the backbone itself do.
template <class T, class B>
loaded_backbone<T, B> load_backbone(B const& b, backbone_choice const& choice, int threads) {
  backbone_entry const& entry = entry_of_backbone(choice.name);
  check_choice(entry, choice);
  return std::get<backbone_entry::maker<T, B>>(entry.makers)(b, choice, threads);
}

}  // namespace scale::program
