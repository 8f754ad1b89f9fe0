// SPDX-License-Identifier: Apache-2.0
#pragma once
// The backbones this program knows, by name. A new one is added here and nowhere else.

#include <scale/backbone.hpp>
#include <scale/io/safetensors.hpp>
#include <scale/ref.hpp>

#include "scale/program.hpp"

#include <cstddef>
#include <string>
#include <tuple>
#include <vector>

namespace scale::program {

struct backbone_choice {
  std::string name = "motion_energy";
  std::string weights;
  frame_pooling pooling = frame_pooling::mean;
  bool pooling_given = false;
  std::vector<std::string> allow;
};

/// An entry names a backbone's class, says whether it has weights, and makes one.
struct motion_energy_entry {
  template <class T, class B>
  using type = motion_energy_backbone<T, B>;
  static constexpr bool has_weights = false;

  template <class T, class B>
  static type<T, B> make(B const&, backbone_choice const&, int threads) {
    return type<T, B>(threads);
  }
};

struct mobilenet_v2_entry {
  template <class T, class B>
  using type = mobilenet_v2_backbone<T, B>;
  static constexpr bool has_weights = true;

  template <class T, class B>
  static type<T, B> make(B const& b, backbone_choice const& choice, int) {
    mobilenet_v2_options options;
    options.pooling = choice.pooling;
    return type<T, B>(b, safetensors_file(choice.weights), options, choice.allow);
  }
};

template <class Network>
struct video_resnet_entry {
  template <class T, class B>
  using type = video_resnet_backbone<Network, T, B>;
  static constexpr bool has_weights = true;

  template <class T, class B>
  static type<T, B> make(B const& b, backbone_choice const& choice, int) {
    return type<T, B>(b, safetensors_file(choice.weights), choice.allow);
  }
};

using backbone_entries = std::tuple<motion_energy_entry, mobilenet_v2_entry, video_resnet_entry<slow_r50_network>,
                                    video_resnet_entry<r3d_18_network>, video_resnet_entry<mc3_18_network>,
                                    video_resnet_entry<r2plus1d_18_network>>;

/// What can be said of an entry's backbone without making one.
template <class Entry>
using backbone_facts = typename Entry::template type<float, ref::context>;

inline bool is_backbone(std::string const& name) {
  return std::apply([&]<class... Entry>(Entry...) { return ((name == backbone_facts<Entry>::name) || ...); },
                    backbone_entries());
}

/// Their names, "motion_energy or mobilenet_v2 or ...".
inline std::string backbone_names() {
  std::string names;
  auto const add = [&](char const* name) { names += (names.empty() ? "" : " or ") + std::string(name); };
  std::apply([&]<class... Entry>(Entry...) { (add(backbone_facts<Entry>::name), ...); }, backbone_entries());
  return names;
}

/// Calls f(entry) for the backbone of that name. Throws argument_error for a name that is none.
template <std::size_t I = 0, class F>
auto with_backbone_entry(std::string const& name, F&& f) {
  using entry = std::tuple_element_t<I, backbone_entries>;
  if (name == backbone_facts<entry>::name) return f(entry());
  if constexpr (I + 1 < std::tuple_size_v<backbone_entries>)
    return with_backbone_entry<I + 1>(name, f);
  else
    wrong_usage("--backbone", backbone_names(), name);
}

inline backbone_defaults defaults_of(std::string const& name) {
  return with_backbone_entry(name, []<class Entry>(Entry) { return backbone_facts<Entry>::defaults(); });
}

/// Makes the backbone and calls f(backbone). Options that the backbone has no use for are refused.
template <class T, class B, class F>
auto with_backbone(B const& b, backbone_choice const& choice, int threads, F&& f) {
  return with_backbone_entry(choice.name, [&]<class Entry>(Entry) {
    auto const require = [&](bool good, std::string const& text) {
      if (!good) throw argument_error(text);
    };
    bool const has_allowed = !choice.allow.empty(), has_file = !choice.weights.empty();
    if (Entry::has_weights) {
      require(has_file, "--weights: " + choice.name + " needs a weights file, .safetensors");
    } else {
      require(!has_file, "--weights: " + choice.name + " is a formula and has no weights; leave the option out");
      require(!has_allowed, "--allow: " + choice.name + " is a formula and has no weights; leave the option out");
    }
    require(
        backbone_facts<Entry>::input == backbone_input::frames || !choice.pooling_given,
        "--frame-pool: " + choice.name + " looks at whole clips, there are no frames to pool; leave the option out");
    auto backbone = Entry::template make<T>(b, choice, threads);
    return f(backbone);
  });
}

}  // namespace scale::program
