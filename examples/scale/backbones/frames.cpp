// SPDX-License-Identifier: Apache-2.0
// The backbone without weights, and those that look at single frames.
#include <scale/backbone/mobilenet_v2.hpp>
#include <scale/backbone/motion_energy.hpp>

#include "scale/backbones/entry.hpp"

namespace scale::program {

namespace {

struct motion_energy_maker {
  template <class T, class B>
  using type = motion_energy_backbone<T, B>;
  static constexpr bool has_weights = false;

  template <class T, class B>
  static type<T, B> make(B const&, backbone_choice const&, int threads) {
    return type<T, B>(threads);
  }
};

struct mobilenet_v2_maker {
  template <class T, class B>
  using type = mobilenet_v2_backbone<T, B>;
  static constexpr bool has_weights = true;

  template <class T, class B>
  static type<T, B> make(B const& b, backbone_choice const& choice, int) {
    mobilenet_v2_options options;
    options.pooling = choice.pooling;
    if (!choice.filled) return type<T, B>(b, weights_file(choice.weights), options, choice.allow);
    return type<T, B>(b, golden::filled_weights(mobilenet_v2_weights(mobilenet_v2_blocks({})), 1), options);
  }
};

}  // namespace

std::vector<backbone_entry> frame_backbones() {
  return {entry_of<motion_energy_maker>(), entry_of<mobilenet_v2_maker>()};
}

}  // namespace scale::program
