// SPDX-License-Identifier: Apache-2.0
#pragma once
// Decoding in processes that can do nothing else: the application's side. Whatever a video makes of its decoder, it
// costs that video, not the application.

#include <scale/core/error.hpp>
#include <scale/video/decode_process.hpp>
#include <scale/video/detail/decode_client.hpp>
#include <scale/video/frame_reader.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace scale::video {

/// A frame_reader whose videos are decoded by processes that the application starts: as many as there are calls at a
/// time. Frames, facts and errors are those of read_chosen_frames, in this process. In addition input_error where a
/// process ended, answered what it cannot, took more memory than worker_limits say, or did not answer in time; the next
/// video gets another process. A process that had read others before may have been harmed by those: its video is read
/// once more, by a new one, and the frames chosen anew. A video without a deadline may hold its caller for ever.
/// Copies share their processes, which end with the last copy.
class sandboxed_reader {
 public:
  /// `start` is called from any thread, for one at a time. A process is replaced after `videos_per_process` videos: one
  /// that was taken over can make up the frames of those that it decodes later. Starts a process at once, to see that
  /// it can be confined: throws resource_error where it cannot, and what `start` throws.
  explicit sandboxed_reader(std::function<decode_process()> start, int videos_per_process = 32,
                            location at = location::current())
      : shared_(std::make_shared<processes>()) {
    expect(videos_per_process >= 1, "sandboxed_reader", "videos_per_process must be at least 1", at);
    shared_->start = std::move(start);
    shared_->videos_per_process = videos_per_process;
    give_back(take());
  }

  /// As read_chosen_frames.
  decoded_video operator()(std::filesystem::path const& path, frame_choice const& choose,
                           read_options const& options = {}) const {
    return with_process<decoded_video>(
        [&](detail::decode_client& process) { return process.read(path, choose, options); });
  }

  /// As scale::video::probe.
  video_info probe(std::filesystem::path const& path, read_options const& options = {}) const {
    return with_process<video_info>([&](detail::decode_client& process) { return process.probe(path, options); });
  }

 private:
  using client = std::shared_ptr<detail::decode_client>;

  struct processes {
    std::function<decode_process()> start;
    int videos_per_process = 1;
    std::mutex guard;
    std::vector<client> idle;
  };

  template <class Result, class Work>
  Result with_process(Work const& work) const {
    while (true) {
      client const process = take();
      try {
        Result result = work(*process);
        give_back(process);
        return result;
      } catch (detail::process_lost const&) {
        if (process->requests() == 1) throw;
      } catch (...) {
        give_back(process);
        throw;
      }
    }
  }

  /// An idle process, or a new one.
  client take() const {
    std::scoped_lock const lock(shared_->guard);
    while (!shared_->idle.empty()) {
      client found = std::move(shared_->idle.back());
      shared_->idle.pop_back();
      if (found->usable()) return found;  // else it ended since, with the thread that started it for one
    }
    return std::make_shared<detail::decode_client>(shared_->start());
  }

  void give_back(client const& process) const {
    if (!process->usable() || process->requests() >= shared_->videos_per_process) return;
    std::scoped_lock const lock(shared_->guard);
    shared_->idle.push_back(process);
  }

  std::shared_ptr<processes> shared_;
};

}  // namespace scale::video
