// SPDX-License-Identifier: Apache-2.0
#pragma once
// A feature store small enough to write in a test, its numbers known.

#include <scale/data/feature_store_writer.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace testing {

inline nlohmann::json provenance() {
  nlohmann::json out;
  for (std::string_view const key : scale::provenance_keys) out[std::string(key)] = "some";
  out["backbone"] = "toy";
  out["weights_sha256"] = "";
  out["seed"] = 42;
  return out;
}

/// One video's numbers: feature j of clip i of video n is 16 n + i + j / 8, exact in f16.
struct video_data {
  video_data(int n, std::size_t clips, std::size_t width)
      : features(clips * width), positions(clips * 7), raw(clips * 7) {
    for (std::size_t i = 0; i < features.size(); ++i)
      features[i] = static_cast<float>(16 * n) + static_cast<float>(i / width) + static_cast<float>(i % width) / 8;
    for (std::size_t i = 0; i < positions.size(); ++i) {
      positions[i] = static_cast<float>(i) / 64;
      raw[i] = static_cast<float>(i + 100 * static_cast<std::size_t>(n));
    }
    row.name = "set1/v" + std::to_string(n) + ".avi";
    row.columns = {row.name, std::to_string(n % 2), "g" + std::to_string(n)};
    row.label = n % 2;
    row.width = 320;
    row.height = 240;
    row.frames = 100 + static_cast<std::uint64_t>(n);
    row.fps = 29.97;
    row.features = features;
    row.positions = positions;
    row.raw_positions = raw;
  }
  video_data(video_data const&) = delete;
  video_data& operator=(video_data const&) = delete;

  std::vector<float> features, positions, raw;
  scale::video_features row{};
};

inline scale::store_description description(scale::stored_type type, scale::index_t width) {
  return {type, width, {"path", "label", "group"}, {"hug", "kick"}, provenance()};
}

/// `clips` has one number per video.
inline std::filesystem::path write_store(std::filesystem::path const& path, scale::stored_type type, std::size_t width,
                                         std::vector<std::size_t> const& clips) {
  scale::feature_store_writer writer(path, description(type, static_cast<scale::index_t>(width)));
  for (std::size_t n = 0; n < clips.size(); ++n) writer.append(video_data(static_cast<int>(n), clips[n], width).row);
  writer.append_failure({"broken.mp4", "no frame decodes", 2});
  writer.finish();
  return path;
}

}  // namespace testing
