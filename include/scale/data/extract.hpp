// SPDX-License-Identifier: Apache-2.0
#pragma once
// From videos to a feature store: decode once, draw clips, run the backbone, write one record per video.

#include <scale/backbone/backbone.hpp>
#include <scale/backbone/frame_pool.hpp>
#include <scale/core/dtype.hpp>
#include <scale/core/version.hpp>
#include <scale/data/clip_extractor.hpp>
#include <scale/data/extraction_options.hpp>
#include <scale/data/feature_store_writer.hpp>
#include <scale/data/manifest.hpp>
#include <scale/video/decoder_version.hpp>
#include <scale/video/render.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <future>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace scale {

/// What it takes to extract the same features again: everything that changes them, and nothing that does not.
template <floating T, backend B, clip_backbone<T, B> Backbone>
nlohmann::json extraction_provenance(extraction_options const& options, Backbone const& backbone) {
  video::view_options const& views = options.views;
  static constexpr char const* recipes[] = {"lin", "aug", "val"};
  nlohmann::json p = {{"backbone", std::string(Backbone::name)},
                      {"weights_sha256", backbone.weights_sha256()},
                      {"views", recipes[static_cast<std::size_t>(views.recipe)]},
                      {"clips", views.clip_count()},
                      {"passes", views.passes},
                      {"pixel_mean", options.pixels.mean},
                      {"pixel_std", options.pixels.std},
                      {"decoder", "ffmpeg"},
                      {"decoder_version", video::decoder_version()},
                      {"stream", options.reading.stream},
                      {"colour_matrix", "as the stream states; else bt709 from 720 lines on, bt601 below"},
                      {"seed", options.seed},
                      {"frames", views.sampling.num_frames},
                      {"size", views.clip_size()},
                      {"stride", views.sampling.stride},
                      {"target_fps", views.sampling.target_fps},
                      {"short_side", options.reading.short_side},
                      {"damaged", options.reading.damaged == video::damaged_videos::allow ? "allowed" : "refused"},
                      {"frame_pool", "none"},
                      {"backend", std::string(B::name)},
                      {"dtype", std::string(name_of(dtype_of<T>))},
                      {"scale_version", version}};
  if constexpr (pools_frames<Backbone>) p["frame_pool"] = std::string(name_of(backbone.pooling()));
  if (views.recipe == video::view_recipe::aug) p["blur"] = views.blur == video::blur_scope::clip ? "released" : "frame";
  for (auto const& [key, value] : options.provenance.items()) {
    expect(!p.contains(key), "extraction_provenance", "'" + key + "' is recorded already; choose another key");
    p[key] = value;
  }
  return p;
}

namespace detail {

struct decoded_entry {
  std::optional<video::planned_video> video;
  std::string failure;   // why there is no video
  bool stopped = false;  // there is none because reading was stopped
};

/// A video that is refused is a result, and so is a request to stop; that the machine fails is not.
inline decoded_entry decode_entry(manifest_entry const& entry, extraction_options const& options, std::uint32_t index,
                                  video::read_options const& reading) {
  decoded_entry out;
  try {
    out.video = video::read_views(entry.file, options.views, options.seed, index, reading);
  } catch (input_error const& e) {
    out.failure = e.what();
  } catch (cancelled_error const&) {
    out.stopped = true;
  }
  return out;
}

/// Adds a video to the store. Returns why not, or nothing.
inline std::string append_video(feature_store_writer& writer, manifest_entry const& entry,
                                video::video_info const& info, video_clips const& clips) {
  try {
    writer.append({.name = entry.name,
                   .columns = entry.columns,
                   .label = entry.label,
                   .width = static_cast<std::uint32_t>(info.size.width),
                   .height = static_cast<std::uint32_t>(info.size.height),
                   .frames = static_cast<std::uint64_t>(info.frames),
                   .fps = info.fps,
                   .features = clips.features,
                   .positions = clips.positions,
                   .raw_positions = clips.raw_positions});
  } catch (input_error const& e) {
    return e.what();
  }
  return {};
}

/// Gives the store its name, and returns it: `path`, but a part of the work never replaces what may be all of it.
inline std::filesystem::path finish_store(feature_store_writer& writer, std::filesystem::path path, bool partial) {
  std::error_code code;
  bool const taken = std::filesystem::symlink_status(path, code).type() != std::filesystem::file_type::not_found;
  if (partial && taken) {
    path += ".partial";
    writer.finish_as(path);
  } else {
    writer.finish();
  }
  return path;
}

}  // namespace detail

/// Writes the store at `path`: every video of the list gets its clips' features and positions, or a failure with its
/// reason. Draws depend on the seed and a video's place in the list alone. Memory: one video's decoded frames (two with
/// decode_ahead) and `clips_at_once` clips.
///
/// A request to stop, by `callbacks.stop` or `options.reading.stop`, ends the decoding of a video at once, and
/// otherwise the work after the video at hand. The store then holds what was done and lists every other video as not
/// reached. Where something has the name `path` already it is left alone, and the part is written to `path`.partial;
/// the summary says which.
///
/// Throws input_error where no video gave features, cancelled_error where it was stopped before one did: nothing is
/// written then.
template <floating T, backend B, clip_backbone<T, B> Backbone>
extraction_summary extract_features(B const& b, Backbone& backbone, manifest const& videos,
                                    extraction_options const& options, std::filesystem::path const& path,
                                    extraction_callbacks const& callbacks = {}) {
  feature_store_writer writer(path, {.type = options.type,
                                     .feature_width = backbone.feature_width(),
                                     .columns = videos.columns,
                                     .classes = videos.classes,
                                     .provenance = extraction_provenance<T, B>(options, backbone)});
  clip_extractor<T, B> encode(b, backbone.feature_width(), options.views, options.pixels, options.clips_at_once);
  video::read_options reading = options.reading;
  if (!reading.stop.stop_possible()) reading.stop = callbacks.stop;
  auto const decode = [&](index_t i) {
    return detail::decode_entry(videos.entries[static_cast<std::size_t>(i)], options, static_cast<std::uint32_t>(i),
                                reading);
  };

  auto const began = std::chrono::steady_clock::now();
  extraction_summary summary;
  index_t const total = static_cast<index_t>(videos.entries.size());
  std::future<detail::decoded_entry> next;
  for (index_t i = 0; i < total; ++i) {
    manifest_entry const& entry = videos.entries[static_cast<std::size_t>(i)];
    summary.stopped = summary.stopped || callbacks.stop.stop_requested() || reading.stop.stop_requested();
    detail::decoded_entry decoded;
    if (!summary.stopped) decoded = next.valid() ? next.get() : decode(i);
    summary.stopped = summary.stopped || decoded.stopped;
    if (summary.stopped) {
      writer.append_failure(entry.name, "not reached: the extraction was stopped before this video");
      continue;
    }
    if (options.ahead == decode_ahead::yes && i + 1 < total) next = std::async(std::launch::async, decode, i + 1);
    std::string failure = std::move(decoded.failure);
    if (decoded.video)
      failure = detail::append_video(writer, entry, decoded.video->video.info(), encode(b, backbone, *decoded.video));
    if (!failure.empty()) {
      writer.append_failure(entry.name, failure);
      summary.failures.push_back({entry.name, failure});
    }
    if (callbacks.progress)
      callbacks.progress({entry.name, failure, i + 1, total, static_cast<index_t>(summary.failures.size()),
                          std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count()});
  }
  summary.videos = writer.videos();
  if (summary.stopped && summary.videos == 0)
    throw cancelled_error(path.string() + ": stopped before the first video was done; nothing was written");
  summary.store = detail::finish_store(writer, path, summary.stopped);
  return summary;
}

}  // namespace scale
