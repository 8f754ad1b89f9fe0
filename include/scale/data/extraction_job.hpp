// SPDX-License-Identifier: Apache-2.0
#pragma once
// One backbone's part of an extraction: where its features go, how its clips are drawn, and what runs it.

#include <scale/backbone/backbone.hpp>
#include <scale/backbone/frame_pool.hpp>
#include <scale/core/dtype.hpp>
#include <scale/core/version.hpp>
#include <scale/data/clip_extractor.hpp>
#include <scale/data/extraction_options.hpp>
#include <scale/data/store_format.hpp>
#include <scale/video/decoder_version.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace scale {

/// What it takes to extract the same features again: everything that changes them, and nothing that does not.
template <floating T, backend B, clip_backbone<T, B> Backbone>
nlohmann::json extraction_provenance(extraction_options const& options, extraction_run const& run,
                                     Backbone const& backbone) {
  video::view_options const& views = options.views;
  static constexpr char const* recipes[] = {"lin", "aug", "val"};
  nlohmann::json p = {{"backbone", std::string(backbone.name)},
                      {"weights_sha256", backbone.weights_sha256()},
                      {"views", recipes[static_cast<std::size_t>(views.recipe)]},
                      {"clips", views.clip_count()},
                      {"passes", views.passes},
                      {"pixel_mean", options.pixels.mean},
                      {"pixel_std", options.pixels.std},
                      {"decoder", "ffmpeg"},
                      {"decoder_version", video::decoder_version()},
                      {"stream", run.reading.stream},
                      {"colour_matrix", "as the stream states; else bt709 from 720 lines on, bt601 below"},
                      {"seed", options.seed},
                      {"frames", views.sampling.num_frames},
                      {"size", views.clip_size()},
                      {"stride", views.sampling.stride},
                      {"target_fps", views.sampling.target_fps},
                      {"short_side", run.reading.short_side},
                      {"damaged", run.reading.damaged == video::damaged_videos::allow ? "allowed" : "refused"},
                      {"frame_pool", "none"},
                      {"backend", std::string(B::name)},
                      {"dtype", std::string(name_of(dtype_of<T>))},
                      {"scale_version", version}};
  if constexpr (pools_frames<Backbone>)
    if (backbone.input == backbone_input::frames) p["frame_pool"] = std::string(name_of(backbone.pooling()));
  if (views.recipe == video::view_recipe::aug) p["blur"] = views.blur == video::blur_scope::clip ? "released" : "frame";
  if (run.shard.count > 1) p[store_shard_key] = {{"index", run.shard.index}, {"count", run.shard.count}};
  for (auto const& [key, value] : options.provenance.items()) {
    expect(!p.contains(key), "extraction_provenance", "'" + key + "' is recorded already; choose another key");
    p[key] = value;
  }
  return p;
}

/// A backbone, a store, and how clips come from one to the other.
struct extraction_job {
  using encode_function = std::function<video_clips(video::decoded_video const&, std::span<video::planned_clip const>)>;

  std::filesystem::path store;
  extraction_options options;
  index_t feature_width = 0;
  nlohmann::json provenance;
  encode_function encode;  // runs the backbone on all clips of a video
};

/// A job for `backbone`, which has to outlive it. Throws argument_error for options that cannot be.
template <floating T, backend B, clip_backbone<T, B> Backbone>
extraction_job make_extraction_job(B const& b, Backbone& backbone, extraction_options const& options,
                                   extraction_run const& run, std::filesystem::path store) {
  extraction_job job;
  job.store = std::move(store);
  job.options = options;
  job.feature_width = backbone.feature_width();
  job.provenance = extraction_provenance<T, B>(options, run, backbone);
  auto const extractor = std::make_shared<clip_extractor<T, B>>(b, job.feature_width, options.views, options.pixels,
                                                                options.clips_at_once);
  job.encode = [b, &backbone, extractor](video::decoded_video const& video, std::span<video::planned_clip const> plan) {
    return (*extractor)(b, backbone, video, plan);
  };
  return job;
}

}  // namespace scale
