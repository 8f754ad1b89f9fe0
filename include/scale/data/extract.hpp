// SPDX-License-Identifier: Apache-2.0
#pragma once
// From videos to a feature store: decode once, draw clips, run the backbone, write one record per video.

#include <scale/backbone/backbone.hpp>
#include <scale/data/feature_store_writer.hpp>
#include <scale/data/manifest.hpp>
#include <scale/ops/transfer.hpp>
#include <scale/video/decoder_version.hpp>
#include <scale/video/positions.hpp>
#include <scale/video/render.hpp>

#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
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
  index_t videos = 0;  // stored
  index_t failed = 0;  // listed in the store with their reasons
  bool stopped = false;
};

namespace detail {

struct decoded_entry {
  std::optional<video::planned_video> video;
  std::string failure;
};

/// A video that is refused is a result; that the machine fails, or that work was stopped, is not.
inline decoded_entry decode_entry(manifest_entry const& entry, extraction_options const& options, std::uint32_t index) {
  decoded_entry out;
  try {
    out.video = video::read_views(entry.file, options.views, options.seed, index, options.reading);
  } catch (input_error const& e) {
    out.failure = e.what();
  }
  return out;
}

inline nlohmann::json extraction_provenance(extraction_options const& options, std::string const& backbone,
                                            std::string const& weights_sha256) {
  video::view_options const& views = options.views;
  static constexpr char const* recipes[] = {"lin", "aug", "val"};
  nlohmann::json p = {{"backbone", backbone},
                      {"weights_sha256", weights_sha256},
                      {"views", recipes[static_cast<std::size_t>(views.recipe)]},
                      {"clips", views.clip_count()},
                      {"passes", views.passes},
                      {"pixel_mean", options.pixels.mean},
                      {"pixel_std", options.pixels.std},
                      {"decoder", "ffmpeg"},
                      {"decoder_version", video::decoder_version()},
                      {"colour_matrix", "as the stream states; else bt709 from 720 lines on, bt601 below"},
                      {"seed", options.seed},
                      {"frames", views.sampling.num_frames},
                      {"size", views.clip_size()},
                      {"stride", views.sampling.stride},
                      {"target_fps", views.sampling.target_fps},
                      {"short_side", options.reading.short_side},
                      {"damaged", options.reading.damaged == video::damaged_videos::allow ? "allowed" : "refused"},
                      {"frame_pool", "none"}};
  p.update(options.provenance);
  return p;
}

}  // namespace detail

/// Writes the store at `path`: every video of the list gets its clips' features and positions, or a failure with its
/// reason. Draws depend on the seed and a video's place in the list alone. A request to stop ends the work after the
/// video at hand; the store then holds what was done, and lists every other video as not reached. Memory: one video's
/// decoded frames (two with decode_ahead) and `clips_at_once` clips. Throws input_error where no video gave features.
template <floating T, backend B, clip_backbone<T, B> Backbone>
extraction_summary extract_features(B const& b, Backbone& backbone, manifest const& videos,
                                    extraction_options const& options, std::filesystem::path const& path,
                                    extraction_callbacks const& callbacks = {}) {
  using pixel = stat_t<T>;
  expect(options.clips_at_once >= 1, "extract_features", "clips_at_once must be at least 1");
  index_t const frames = options.views.sampling.num_frames, side = options.views.clip_size();
  index_t const width = backbone.feature_width();
  index_t const clips = index_t{options.views.clip_count()} * options.views.passes;
  std::size_t const clip_size = static_cast<std::size_t>(3 * frames * side * side);

  feature_store_writer writer(path, {.type = options.type,
                                     .feature_width = width,
                                     .columns = videos.columns,
                                     .classes = videos.classes,
                                     .provenance = detail::extraction_provenance(options, std::string(Backbone::name),
                                                                                 backbone.weights_sha256())});
  index_t const batch = (std::min)(options.clips_at_once, clips);
  std::vector<pixel> pixels(clip_size * static_cast<std::size_t>(batch));
  std::vector<T> converted;
  tensor<T, 5, B> input(b, shape{batch, index_t{3}, frames, side, side});
  tensor<T, 2, B> output(b, shape{clips, width});
  std::vector<T> features(static_cast<std::size_t>(clips * width));

  auto const began = std::chrono::steady_clock::now();
  extraction_summary summary;
  index_t const total = static_cast<index_t>(videos.entries.size());
  std::future<detail::decoded_entry> next;
  auto const decode = [&](index_t i) {
    return detail::decode_entry(videos.entries[static_cast<std::size_t>(i)], options, static_cast<std::uint32_t>(i));
  };
  for (index_t i = 0; i < total; ++i) {
    manifest_entry const& entry = videos.entries[static_cast<std::size_t>(i)];
    if (callbacks.stop.stop_requested()) {
      summary.stopped = true;
      writer.append_failure(entry.name, "not reached: the extraction was stopped before this video");
      continue;
    }
    detail::decoded_entry decoded = next.valid() ? next.get() : decode(i);
    if (options.ahead == decode_ahead::yes && i + 1 < total) next = std::async(std::launch::async, decode, i + 1);
    std::string failure = std::move(decoded.failure);
    if (decoded.video) {
      std::vector<video::planned_clip> const& plan = decoded.video->clips;
      for (index_t begin = 0; begin < clips; begin += batch) {
        index_t const count = (std::min)(batch, clips - begin);
        for (index_t c = 0; c < count; ++c)
          video::render_clip<pixel>(
              decoded.video->video, plan[static_cast<std::size_t>(begin + c)], options.pixels,
              std::span<pixel>(pixels).subspan(static_cast<std::size_t>(c) * clip_size, clip_size));
        std::size_t const used = static_cast<std::size_t>(count) * clip_size;
        tensor_view<T, 5, B> const part = input.view().rows(0, count);
        if constexpr (std::same_as<T, pixel>) {
          upload(b, std::span<T const>(pixels).first(used), part);
        } else {
          converted.assign(pixels.begin(), pixels.begin() + static_cast<std::ptrdiff_t>(used));
          upload(b, std::span<T const>(converted), part);
        }
        backbone.forward(b, tensor_view<T const, 5, B>(part), output.view().rows(begin, count));
      }
      download(b, output, std::span<T>(features));
      std::vector<float> const stored(features.begin(), features.end());
      std::vector<video::position> const raw = video::positions_of(plan);
      std::vector<float> positions(raw.size() * video::position_width), raw_positions;
      video::normalize_positions(std::span<video::position const>(raw), std::span<float>(positions));
      for (video::position const& row : raw) raw_positions.insert(raw_positions.end(), row.begin(), row.end());
      video::video_info const& info = decoded.video->video.info();
      try {
        writer.append({.name = entry.name,
                       .columns = entry.columns,
                       .label = entry.label,
                       .width = static_cast<std::uint32_t>(info.size.width),
                       .height = static_cast<std::uint32_t>(info.size.height),
                       .frames = static_cast<std::uint64_t>(info.frames),
                       .fps = info.fps,
                       .features = stored,
                       .positions = positions,
                       .raw_positions = raw_positions});
        ++summary.videos;
      } catch (input_error const& e) {
        failure = e.what();
      }
    }
    if (!failure.empty()) {
      writer.append_failure(entry.name, failure);
      ++summary.failed;
    }
    if (callbacks.progress)
      callbacks.progress({entry.name, failure, i + 1, total, summary.failed,
                          std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count()});
  }
  writer.finish();
  return summary;
}

}  // namespace scale
