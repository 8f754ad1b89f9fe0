// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a classifier sees of a clip: the backbone's x, the contextual h, the mean of h, the set's summary cls.

#include <scale/core/error.hpp>
#include <scale/core/shape.hpp>

#include <string>
#include <string_view>

namespace scale {

/// A choice of parts. They stand beside each other in the order x, h, mean of h over the set's clips, cls.
enum class clip_features : unsigned {
  x = 1,
  h = 2,
  mean_h = 4,
  cls = 8,
  x_cls = x | cls,
  x_h_cls = x | h | cls,
};

constexpr clip_features operator|(clip_features a, clip_features b) noexcept {
  return static_cast<clip_features>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}

constexpr bool has(clip_features features, clip_features part) noexcept {
  return (static_cast<unsigned>(features) & static_cast<unsigned>(part)) != 0;
}

/// Whether a set transformer is needed for them.
constexpr bool needs_model(clip_features features) noexcept { return features != clip_features::x; }

/// Width for a backbone of width d and a set transformer of width h.
constexpr index_t width_of(clip_features features, index_t d, index_t h) noexcept {
  index_t width = has(features, clip_features::x) ? d : 0;
  for (clip_features const part : {clip_features::h, clip_features::mean_h, clip_features::cls})
    if (has(features, part)) width += h;
  return width;
}

/// "x+h+cls"; the mean of h is "mean_h".
inline std::string name_of(clip_features features) {
  std::string name;
  auto const add = [&](clip_features part, char const* word) {
    if (has(features, part)) name += (name.empty() ? "" : "+") + std::string(word);
  };
  add(clip_features::x, "x");
  add(clip_features::h, "h");
  add(clip_features::mean_h, "mean_h");
  add(clip_features::cls, "cls");
  return name;
}

/// The reverse, parts in any order. Throws argument_error for a word that is none of them or occurs twice.
inline clip_features clip_features_of(std::string_view name, location at = location::current()) {
  unsigned parts = 0;
  for (std::string_view rest = name;;) {
    std::size_t const plus = rest.find('+');
    std::string_view const word = rest.substr(0, plus);
    clip_features const part = word == "x"        ? clip_features::x
                               : word == "h"      ? clip_features::h
                               : word == "mean_h" ? clip_features::mean_h
                               : word == "cls"    ? clip_features::cls
                                                  : clip_features{};
    if (part == clip_features{} || (parts & static_cast<unsigned>(part)) != 0)
      throw_expected("clip_features_of", "features", "some of x, h, mean_h, cls joined by +", name, at);
    parts |= static_cast<unsigned>(part);
    if (plus == std::string_view::npos) return static_cast<clip_features>(parts);
    rest.remove_prefix(plus + 1);
  }
}

}  // namespace scale
