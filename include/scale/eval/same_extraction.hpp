// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether features mean the same: those of two stores, or a store's and those that a model was trained on.

#include <scale/data/feature_store.hpp>
#include <scale/io/file_error.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace scale {

/// Keys of a store's provenance that say, besides the backbone, what its features are of: which frames a clip has and
/// how its pixels are scaled. Views are not among them: one trains on `lin` and tests on `val`, of another size.
inline constexpr std::string_view extraction_keys[] = {"pixel_mean", "pixel_std",  "frames",
                                                       "stride",     "target_fps", "frame_pool"};

/// The extraction_keys that a provenance has, with their values.
inline nlohmann::json extraction_of(nlohmann::json const& provenance) {
  nlohmann::json out = nlohmann::json::object();
  for (std::string_view const name : extraction_keys)
    if (std::string const key(name); provenance.contains(key)) out[key] = provenance.at(key);
  return out;
}

/// "KEY: expected X, found Y" for the first key that both have with different values; empty where there is none.
inline std::string extraction_difference(nlohmann::json const& expected, nlohmann::json const& found) {
  auto const text = [](nlohmann::json const& value) { return printable(value.dump(-1, ' ', true)); };
  for (auto const& [key, value] : expected.items())
    if (found.contains(key) && found.at(key) != value)
      return printable(key) + ": expected " + text(value) + ", found " + text(found.at(key));
  return {};
}

/// Throws input_error, naming the first key that differs and both values, where a classifier that learnt on `train`
/// cannot be tested on `test`. Stores of the same views must agree in the size of a clip too.
inline void require_same_extraction(feature_store const& train, feature_store const& test) {
  auto const facts = [](feature_store const& store, bool sized) {
    nlohmann::json const& provenance = store.provenance();
    nlohmann::json out = extraction_of(provenance);
    for (char const* key : {"backbone", "weights_sha256"}) out[key] = provenance.at(key);
    if (sized) out["size"] = provenance.at("size");
    out["feature width"] = store.feature_width();
    return out;
  };
  bool const same_views = train.provenance().at("views") == test.provenance().at("views");
  std::string const difference = extraction_difference(facts(train, same_views), facts(test, same_views));
  if (!difference.empty())
    refuse_file(test.path(), "its features are others than those of " + train.path().string() + ", " + difference +
                                 "; extract both alike");
}

}  // namespace scale
