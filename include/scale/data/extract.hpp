// SPDX-License-Identifier: Apache-2.0
#pragma once
// From videos to feature stores: decode once for all backbones, draw clips, run the backbones, and keep what was done
// in journals, so that an interrupted extraction goes on where it was.

#include <scale/data/extracted_video.hpp>
#include <scale/data/extraction_job.hpp>
#include <scale/data/extraction_options.hpp>
#include <scale/data/extraction_work.hpp>
#include <scale/data/manifest.hpp>
#include <scale/data/ordered_queue.hpp>
#include <scale/video/frame_reader.hpp>
#include <scale/video/render.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace scale {

namespace detail {

/// A video that is refused is a result, and so is a request to stop; that the machine fails is not.
inline decoded_entry decode_entry(manifest_entry const& entry, std::span<video::view_request const> requests,
                                  std::uint32_t index, video::read_options const& reading,
                                  video::frame_reader const& read) {
  decoded_entry out;
  out.stamp = stamp_of(entry.file);
  try {
    out.video = video::read_views(entry.file, requests, index, reading, read);
  } catch (input_error const& e) {
    out.failure = e.what();
  } catch (cancelled_error const&) {
    out.stopped = true;
  }
  return out;
}

}  // namespace detail

/// Writes the stores of all jobs. Every video of the list, or of the run's shard of it, gets its clips' features and
/// positions, or a failure with its reason; it is decoded once for all jobs, and each store is, byte for byte, what its
/// job alone would give. Draws depend on a job's seed and a video's index in the list alone. Memory: decode_threads + 1
/// videos' chosen frames, `clips_at_once` clips per job, and some hundred bytes per video of the list.
///
/// What is done is kept in a journal beside each store (journal_path), until the store is complete and appears under
/// its name, at once. Whatever ends the work before, the same call goes on from there and ends with the same bytes;
/// only videos in flight are computed again. A store that holds just this extraction, whole, is left as it is. A
/// request to stop (callbacks.stop or run.reading.stop) ends the work after the video at hand.
///
/// Throws input_error where no video of a whole list gave features, where a journal is another extraction's or in use
/// by another process, where a video changed since it was extracted; resource_error where the machine fails.
inline std::vector<extraction_summary> extract_features(std::span<extraction_job const> jobs, manifest const& videos,
                                                        extraction_run const& run,
                                                        extraction_callbacks const& callbacks = {},
                                                        location at = location::current()) {
  expect(!jobs.empty(), "extract_features", "there is no job", at);
  for (std::size_t i = 0; i < jobs.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      expect(jobs[i].store.lexically_normal() != jobs[k].store.lexically_normal(), "extract_features",
             "two jobs write " + jobs[i].store.string(), at);
  std::vector<index_t> const indices = detail::videos_of(run.shard, videos);
  std::vector<detail::extraction_work> works;
  std::vector<video::view_request> requests;
  works.reserve(jobs.size());
  for (extraction_job const& job : jobs) {
    works.emplace_back(job, videos, run.shard);
    requests.push_back({job.options.views, job.options.seed});
  }
  auto const least_done = [&] {
    return std::min_element(works.begin(), works.end(), [](auto& a, auto& b) { return a.done() < b.done(); })->done();
  };

  auto const began = std::chrono::steady_clock::now();
  extraction_progress p;
  p.total = static_cast<index_t>(indices.size());
  p.found = least_done();
  bool stopped = false;
  {
    ordered_queue<detail::decoded_entry> queue(
        p.found, p.total, run.decode_threads, [&](index_t i, std::stop_token stop) {
          index_t const index = indices[static_cast<std::size_t>(i)];
          video::read_options reading = run.reading;
          reading.stop = std::move(stop);
          if (run.seconds_per_video > 0)
            reading.deadline =
                std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                                       std::chrono::duration<double>(run.seconds_per_video));
          return detail::decode_entry(videos.entries[static_cast<std::size_t>(index)], requests,
                                      static_cast<std::uint32_t>(index), reading, run.read);
        });
    auto const stop_queue = [&] { queue.stop(); };
    std::stop_callback const on_stop(callbacks.stop, stop_queue), on_reading_stop(run.reading.stop, stop_queue);
    for (index_t i = p.found; i < p.total; ++i) {
      stopped = callbacks.stop.stop_requested() || run.reading.stop.stop_requested();
      if (stopped) break;
      std::optional<detail::decoded_entry> const decoded = queue.next();
      stopped = !decoded || decoded->stopped;
      if (stopped) break;
      index_t const index = indices[static_cast<std::size_t>(i)];
      p.failure.clear();
      for (std::size_t j = 0; j < works.size(); ++j) {
        if (works[j].done() > i) continue;  // had come further
        std::string const failure = works[j].record(index, *decoded, j);
        if (p.failure.empty()) p.failure = failure;
        if (failure.empty()) p.clips += static_cast<index_t>(decoded->video->plans[j].size());
      }
      if (decoded->video) p.frames += decoded->video->video.info().frames;
      p.name = videos.entries[static_cast<std::size_t>(index)].name;
      p.done = i + 1;
      p.failed = std::max_element(works.begin(), works.end(), [](auto& a, auto& b) {
                   return a.failed() < b.failed();
                 })->failed();
      p.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
      p.waiting_for_videos = queue.taker_waited() / p.seconds;
      p.waiting_for_backbones = queue.makers_waited() / p.seconds;
      if (callbacks.progress) callbacks.progress(p);
    }
  }
  std::vector<extraction_summary> summaries;
  for (detail::extraction_work& work : works) summaries.push_back(stopped ? work.leave() : work.finish());
  return summaries;
}

/// The same for one backbone.
template <floating T, backend B, clip_backbone<T, B> Backbone>
extraction_summary extract_features(B const& b, Backbone& backbone, manifest const& videos,
                                    extraction_options const& options, extraction_run const& run,
                                    std::filesystem::path const& store, extraction_callbacks const& callbacks = {},
                                    location at = location::current()) {
  extraction_job const job = make_extraction_job<T>(b, backbone, options, run, store);
  return extract_features(std::span(&job, 1), videos, run, callbacks, at).front();
}

}  // namespace scale
