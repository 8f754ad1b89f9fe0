// SPDX-License-Identifier: Apache-2.0
#pragma once
// What an extraction of features is told, and what it reports.

#include <scale/data/store_format.hpp>
#include <scale/video/frame_reader.hpp>
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

/// How one backbone's features are made.
struct extraction_options {
  video::view_options views;
  video::pixel_statistics pixels;
  std::uint64_t seed = 42;
  stored_type type = stored_type::f16;                   // of the stored features: f16 or f32
  index_t clips_at_once = 4;                             // rendered and given to the backbone together
  nlohmann::json provenance = nlohmann::json::object();  // added to what make_extraction_job knows itself
};

/// A part of a list of videos: those whose index in it, modulo count, is `index`. One of one is the whole list.
struct extraction_shard {
  index_t index = 0, count = 1;
};

/// How videos are read; the same for all backbones of a run.
struct extraction_run {
  video::read_options reading;
  video::frame_reader read = {};  // unless given, videos are decoded in this process; see video::sandboxed_reader
  int decode_threads = 0;         // each decodes one video ahead; 0: the caller's thread decodes between batches
  double seconds_per_video = 0;   // a video that takes longer to read fails; 0: no limit
  extraction_shard shard;
};

/// After each video.
struct extraction_progress {
  std::string name;
  std::string failure;  // empty where it went well
  index_t done = 0, total = 0, failed = 0;
  index_t found = 0;                                         // of `done`, those an earlier, interrupted run had done
  index_t clips = 0;                                         // of this run
  std::int64_t frames = 0;                                   // decoded by this run
  double seconds = 0;                                        // since the beginning
  double waiting_for_videos = 0, waiting_for_backbones = 0;  // share of `seconds`: of the caller, of decoding threads
};

struct extraction_callbacks {
  std::function<void(extraction_progress const&)> progress = {};
  std::stop_token stop = {};
};

/// Of one store.
struct extraction_summary {
  std::filesystem::path store;               // written, unless the run was stopped
  index_t videos = 0;                        // with features; of a stopped run, those that its journal keeps
  std::vector<store_failure> failures = {};  // in the store too
  bool stopped = false;                      // the journal keeps what was done; the same call goes on from there
  bool was_complete = false;                 // the store held just this extraction already, and is as it was
};

/// Where an extraction to `store` keeps what was done until it is complete.
inline std::filesystem::path journal_path(std::filesystem::path store) { return store += ".part"; }

}  // namespace scale
