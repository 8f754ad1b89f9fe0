// SPDX-License-Identifier: Apache-2.0
#pragma once
// One job of an extraction at work: what it had done before, what it does with a decoded video, how it ends.

#include <scale/data/extracted_video.hpp>
#include <scale/data/extraction_job.hpp>
#include <scale/data/extraction_journal.hpp>
#include <scale/data/extraction_options.hpp>
#include <scale/data/feature_store.hpp>
#include <scale/data/feature_store_writer.hpp>
#include <scale/data/manifest.hpp>
#include <scale/io/sha256.hpp>
#include <scale/video/render.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace scale::detail {

/// Indices of a shard's videos in the list.
inline std::vector<index_t> videos_of(extraction_shard const& shard, manifest const& videos) {
  expect(shard.count >= 1 && shard.index >= 0 && shard.index < shard.count, "extraction_shard",
         "index must lie in [0, count)");
  std::vector<index_t> out;
  for (index_t i = shard.index; i < static_cast<index_t>(videos.entries.size()); i += shard.count) out.push_back(i);
  return out;
}

/// 64 digits that name a list: its videos with their columns and labels, in their order.
inline std::string fingerprint_of(manifest const& videos) {
  sha256 hash;
  auto const add = [&](std::string const& text) {
    std::uint64_t const size = text.size();
    hash.update(std::as_bytes(std::span(&size, 1)));
    hash.update(std::as_bytes(std::span(text.data(), text.size())));
  };
  for (manifest_entry const& entry : videos.entries) {
    add(entry.name);
    for (std::string const& column : entry.columns) add(column);
    hash.update(std::as_bytes(std::span(&entry.label, 1)));
  }
  return hex_text(hash.finish());
}

struct decoded_entry {
  std::optional<video::shared_video> video;
  file_stamp stamp;
  std::string failure;   // why there is no video
  bool stopped = false;  // there is none because reading was stopped
};

/// One job at work: its journal, or the summary of what was complete before.
class extraction_work {
 public:
  extraction_work(extraction_job const& job, manifest const& videos, extraction_shard const& shard)
      : job_(job), videos_(videos), shard_(shard), indices_(videos_of(shard, videos)) {
    if (shard.count > 1) provenance_[store_shard_key]["videos"] = videos.entries.size();
    check_description(description());
    if (is_complete()) return;
    if (std::filesystem::is_directory(job.store))
      throw argument_error(job.store.string() + ": expected the path of a file to write, found a folder");
    nlohmann::json const identity = {
        {"provenance", provenance_},       {"type", std::string(name_of(job.options.type))},
        {"columns", videos.columns},       {"classes", videos.classes},
        {"videos", videos.entries.size()}, {"list_sha256", fingerprint_of(videos)}};
    journal_.emplace(journal_path(job.store), identity, job.feature_width, [&](index_t i, extracted_video const& done) {
      expect_unchanged(i, done);
      failed_ += done.failure.empty() ? 0 : 1;
    });
  }

  /// Videos done, failures among them.
  index_t done() const { return journal_ ? journal_->size() : static_cast<index_t>(indices_.size()); }
  index_t failed() const { return failed_; }

  /// Runs the backbone on a video and records the clips, or why there are none. Returns the failure, or nothing.
  std::string record(index_t index, decoded_entry const& decoded, std::size_t plan) {
    manifest_entry const& entry = videos_.entries[static_cast<std::size_t>(index)];
    extracted_video out;
    out.index = index;
    out.stamp = decoded.stamp;
    out.failure = decoded.failure;
    if (decoded.video) {
      video::video_info const& info = decoded.video->video.info();
      out.width = static_cast<std::uint32_t>(info.size.width);
      out.height = static_cast<std::uint32_t>(info.size.height);
      out.frames = static_cast<std::uint64_t>(info.frames);
      out.fps = info.fps;
      out.clips = job_.encode(decoded.video->video, decoded.video->plans[plan]);
      try {
        expect_storable("video '" + printable(entry.name) + "': ", job_.options.type, features_of(entry, out),
                        static_cast<std::size_t>(job_.feature_width));
      } catch (input_error const& e) {
        out.failure = e.what();
        out.clips = {};
      }
    }
    journal_->append(out);
    failed_ += out.failure.empty() ? 0 : 1;
    return out.failure;
  }

  /// Writes the store from the journal and removes it.
  extraction_summary finish() {
    if (!journal_) return complete_;
    extraction_summary summary;
    summary.store = job_.store;
    feature_store_writer writer(job_.store, description());
    for (index_t i = 0; i < journal_->size(); ++i) {
      extracted_video const video = journal_->read(i);
      manifest_entry const& entry = videos_.entries[static_cast<std::size_t>(video.index)];
      if (video.failure.empty()) {
        writer.append(features_of(entry, video));
      } else {
        summary.failures.push_back({entry.name, video.failure, video.index});
        writer.append_failure(summary.failures.back());
      }
    }
    summary.videos = writer.videos();
    if (summary.videos == 0 && shard_.count == 1) journal_->remove();  // writer.finish() refuses: begin anew next time
    writer.finish();
    journal_->remove();
    return summary;
  }

  /// Leaves the journal for another time, unless there is nothing in it.
  extraction_summary leave() {
    if (!journal_) return complete_;
    extraction_summary summary;
    summary.store = job_.store;
    summary.stopped = true;
    summary.videos = journal_->size() - failed_;
    if (journal_->size() == 0) journal_->remove();
    return summary;
  }

 private:
  store_description description() const {
    return {.type = job_.options.type,
            .feature_width = job_.feature_width,
            .columns = videos_.columns,
            .classes = videos_.classes,
            .provenance = provenance_};
  }

  video_features features_of(manifest_entry const& entry, extracted_video const& video) const {
    return {.name = entry.name,
            .columns = entry.columns,
            .label = entry.label,
            .width = video.width,
            .height = video.height,
            .frames = video.frames,
            .fps = video.fps,
            .features = video.clips.features,
            .positions = video.clips.positions,
            .raw_positions = video.clips.raw_positions};
  }

  void expect_unchanged(index_t i, extracted_video const& done) const {
    bool const same_place =
        i < static_cast<index_t>(indices_.size()) && done.index == indices_[static_cast<std::size_t>(i)];
    if (!same_place) refuse_file(journal_path(job_.store), "its videos are not those of the list; remove it");
    manifest_entry const& entry = videos_.entries[static_cast<std::size_t>(done.index)];
    if (stamp_of(entry.file) != done.stamp)
      refuse_file(
          journal_path(job_.store),
          "'" + printable(entry.name) + "' changed since its features were extracted; remove this file to begin anew");
  }

  /// Whether the store is there already, of this very extraction, whole, and younger than its videos.
  bool is_complete() {
    if (!is_feature_store(job_.store)) return false;
    try {
      feature_store const store(job_.store, {.videos = store_videos::perhaps_none});
      if (store.provenance() != provenance_ || store.columns() != videos_.columns ||
          store.classes() != videos_.classes || store.feature_type() != job_.options.type ||
          store.videos() + static_cast<index_t>(store.failures().size()) != static_cast<index_t>(indices_.size()))
        return false;
      std::size_t failure = 0;
      index_t video = 0;
      std::int64_t const made = stamp_of(job_.store).nanoseconds;
      for (index_t const index : indices_) {
        manifest_entry const& entry = videos_.entries[static_cast<std::size_t>(index)];
        file_stamp const stamp = stamp_of(entry.file);
        if (stamp.nanoseconds > made) return false;
        if (failure < store.failures().size() && store.failures()[failure].index == index) {
          if (store.failures()[failure++].name != entry.name) return false;
          continue;
        }
        if (video == store.videos()) return false;
        store_record const& record = store.record(video++);
        if (stamp == file_stamp() || record.name != entry.name || record.label != entry.label ||
            !std::equal(record.columns.begin(), record.columns.end(), entry.columns.begin(), entry.columns.end()))
          return false;
      }
      store.verify();
      complete_ = {job_.store, store.videos(), store.failures(), false, true};
      failed_ = static_cast<index_t>(store.failures().size());
      return true;
    } catch (input_error const&) {
      return false;  // damaged: it is made again
    }
  }

  extraction_job const& job_;
  manifest const& videos_;
  extraction_shard shard_;
  std::vector<index_t> indices_;
  nlohmann::json provenance_ = job_.provenance;
  std::optional<extraction_journal> journal_;
  extraction_summary complete_;
  index_t failed_ = 0;
};

}  // namespace scale::detail
