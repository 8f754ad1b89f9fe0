// SPDX-License-Identifier: Apache-2.0
#pragma once
// A row of the table of backbones: what can be said of one, and how it is made on each backend of this program.

#include <scale/backbone/backbone.hpp>
#include <scale/io/weights_file.hpp>

#include "scale/backbones.hpp"
#include "scale/backbones/loaded_backbone.hpp"
#include "scale/backends.hpp"
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
#define SCALE_MAKE(T, B)                                                                                             \
  std::get<backbone_entry::maker<T, B>>(entry.makers) = [](B const& b, backbone_choice const& choice, int threads) { \
    return loaded_backbone<T, B>(Maker::template make<T>(b, choice, threads));                                       \
  };
  SCALE_PROGRAM_FOR_EACH_BACKEND(SCALE_MAKE)
#undef SCALE_MAKE
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
