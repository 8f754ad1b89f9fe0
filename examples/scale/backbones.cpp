// SPDX-License-Identifier: Apache-2.0
#include "scale/backbones.hpp"

#include <algorithm>

namespace scale::program {

std::vector<backbone_entry> const& backbone_entries() {
  static std::vector<backbone_entry> const all = [] {
    std::vector<backbone_entry> entries;
    for (auto const& family : {frame_backbones(), convolutional_backbones(), transformer_backbones()})
      entries.insert(entries.end(), family.begin(), family.end());
    return entries;
  }();
  return all;
}

bool is_backbone(std::string const& name) {
  return std::ranges::any_of(backbone_entries(), [&](backbone_entry const& entry) { return entry.name == name; });
}

std::string backbone_names() {
  std::string names;
  for (backbone_entry const& entry : backbone_entries()) names += (names.empty() ? "" : " or ") + entry.name;
  return names;
}

backbone_entry const& entry_of_backbone(std::string const& name) {
  for (backbone_entry const& entry : backbone_entries())
    if (entry.name == name) return entry;
  wrong_usage("--backbone", backbone_names(), name);
}

void check_choice(backbone_entry const& entry, backbone_choice const& choice) {
  auto const require = [&](bool good, std::string const& text) {
    if (!good) throw argument_error(text);
  };
  if (entry.has_weights) {
    require(choice.filled || !choice.weights.empty(), "--weights: " + entry.name + " needs a file of weights");
  } else {
    std::string const formula = entry.name + " is a formula and has no weights; leave the option out";
    require(choice.weights.empty(), "--weights: " + formula);
    require(choice.allow.empty(), "--allow: " + formula);
  }
  require(entry.input == backbone_input::frames || !choice.pooling_given,
          "--frame-pool: " + entry.name + " looks at whole clips, there are no frames to pool; leave the option out");
}

}  // namespace scale::program
