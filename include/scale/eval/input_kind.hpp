// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the set transformer is fed with: features as they are, or each video's own mean taken out.

#include <scale/core/error.hpp>

#include <string>
#include <string_view>

namespace scale {

enum class input_kind {
  paper,    // x
  centred,  // (x - mean over the video's clips) / s, s per feature over the training store
};

constexpr std::string_view name_of(input_kind kind) noexcept { return kind == input_kind::paper ? "paper" : "centred"; }

inline input_kind input_kind_of(std::string_view name, location at = location::current()) {
  if (name == "paper") return input_kind::paper;
  if (name == "centred") return input_kind::centred;
  throw_expected("input_kind_of", "input", "paper or centred", name, at);
}

}  // namespace scale
