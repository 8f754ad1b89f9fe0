// SPDX-License-Identifier: Apache-2.0
#pragma once
// What an extraction of features is told, and what it reports.

#include <scale/data/store_format.hpp>
#include <scale/video/resize.hpp>
#include <scale/video/video_info.hpp>
#include <scale/video/views.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace scale {

/// Whether the next video is decoded on a thread of its own while the backbone works on this one.
enum class decode_ahead { no, yes };

struct extraction_options {
  video::view_options views;
  video::read_options reading;
  video::pixel_statistics pixels;
  std::uint64_t seed = 42;
  stored_type type = stored_type::f16;  // of the stored features: f16 or f32
  index_t clips_at_once = 4;            // rendered and given to the backbone together
  decode_ahead ahead = decode_ahead::no;
  nlohmann::json provenance = nlohmann::json::object();  // added to what extract_features knows itself
};

/// After each video.
struct extraction_progress {
  std::string name;
  std::string failure;  // empty where it went well
  index_t done = 0, total = 0, failed = 0;
  double seconds = 0;  // since the beginning
};

struct extraction_callbacks {
  std::function<void(extraction_progress const&)> progress = {};
  std::stop_token stop = {};
};

struct extraction_summary {
  std::filesystem::path store;               // the file written
  index_t videos = 0;                        // stored
  std::vector<store_failure> failures = {};  // in the store too, where those not reached come behind
  bool stopped = false;
};

}  // namespace scale
