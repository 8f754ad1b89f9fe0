// SPDX-License-Identifier: Apache-2.0
#pragma once
// The words of the command line for pooling frames: `mean`, `mean+motion`.

#include <scale/ops/frame_pool.hpp>

#include <string_view>

namespace scale {

constexpr std::string_view name_of(frame_pooling how) noexcept {
  return how == frame_pooling::mean ? "mean" : "mean+motion";
}

/// Throws argument_error for a word that names no pooling.
inline frame_pooling frame_pooling_of_name(std::string_view word, location at = location::current()) {
  for (frame_pooling const how : {frame_pooling::mean, frame_pooling::mean_and_motion})
    if (word == name_of(how)) return how;
  throw_expected("frame_pooling_of_name", "word", "mean or mean+motion", word, at);
}

}  // namespace scale
