// SPDX-License-Identifier: Apache-2.0
#pragma once
// A row of the table of backbones: what can be said of one, and how it is made on each backend of this program.

#include <scale/backbone/backbone.hpp>
#include <scale/cpu.hpp>
#include <scale/io/weights_file.hpp>
#include <scale/ref.hpp>

#include "scale/backbones.hpp"
#include "scale/backbones/loaded_backbone.hpp"
#include <support/golden_backbone.hpp>

namespace scale::program {

/// The row of `Maker`, which has `type<T, B>`, the backbone's class, `has_weights`, and
/// `make<T>(b, choice, threads)`.
template <class Maker>
backbone_entry entry_of() {
  using facts = typename Maker::template type<double, ref::context>;
  backbone_entry entry;
  entry.name = facts::name;
  entry.input = facts::input;
  entry.has_weights = Maker::has_weights;
  entry.defaults = facts::defaults();
  entry.on_cpu = [](cpu::context const& b, backbone_choice const& choice, int threads) {
    return loaded_backbone<float, cpu::context>(Maker::template make<float>(b, choice, threads));
  };
  entry.on_cpu_in_bf16 = [](cpu::context const& b, backbone_choice const& choice, int threads) {
    return loaded_backbone<bf16, cpu::context>(Maker::template make<bf16>(b, choice, threads));
  };
  entry.on_ref = [](ref::context const& b, backbone_choice const& choice, int threads) {
    return loaded_backbone<double, ref::context>(Maker::template make<double>(b, choice, threads));
  };
  return entry;
}

/// Of a family's class that is made from weights and the names that are excused; `Family::specs()` lists its tensors.
template <class Family>
struct weights_maker : Family {
  static constexpr bool has_weights = true;

  template <class T, class B>
  static typename Family::template type<T, B> make(B const& b, backbone_choice const& choice, int) {
    using type = typename Family::template type<T, B>;
    if (choice.filled) return type(b, golden::filled_weights(Family::specs(), 1), choice.allow);
    return type(b, weights_file(choice.weights), choice.allow);
  }
};

}  // namespace scale::program
