// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a network keeps of the weights it was made from: which they were, and how they were read.

#include <scale/io/name_map.hpp>
#include <scale/io/sha256.hpp>

#include <concepts>
#include <string>

namespace scale {

struct weights_record {
  std::string sha256;  // 64 hexadecimal digits: of the file, or what the source says of itself
  loading_report loading;
};

/// Reads the source's file once more, for its hash, unless the source has a `sha256()` of its own.
template <weight_source Source>
weights_record record_of(Source const& source, loaded_weights const& weights) {
  if constexpr (requires {
                  { source.sha256() } -> std::convertible_to<std::string>;
                })
    return {source.sha256(), weights.report};
  else
    return {sha256_of_file(source.path()), weights.report};
}

}  // namespace scale
