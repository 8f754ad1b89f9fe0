// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which videos make a batch, which of their clips make its sets, which clips are masked: a function of seed and step.

#include <scale/core/error.hpp>
#include <scale/core/random.hpp>
#include <scale/core/shape.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace scale {

struct set_sampler_options {
  index_t batch = 512;       // videos
  index_t sets = 2;          // per video
  index_t set_size = 8;      // clips in a set
  double mask_ratio = 0.25;  // each clip by itself
  std::uint64_t seed = 42;
};

struct set_batch {
  std::vector<std::int32_t> videos;  // [B]
  std::vector<std::int32_t> clips;   // [B, sets, set_size], drawn without replacement within a video
  std::vector<std::uint8_t> mask;    // [B, sets, set_size], 1 = masked
};

/// Method, section 5. An epoch is a fresh shuffle of all videos, its last partial batch dropped; with fewer videos than
/// a batch, all of them are the batch. Every step permutes each video's clips afresh. All numbers are keyed by (seed,
/// epoch or step, purpose, video), so that neither the order of steps nor the split of a batch changes them.
class set_sampler {
 public:
  /// `clips` has the number of clips of each video.
  explicit set_sampler(std::vector<std::int32_t> clips, set_sampler_options const& options = {},
                       location at = location::current())
      : options_(options), clips_(std::move(clips)) {
    auto const need = [&](bool good, std::string const& text) { expect(good, "set_sampler", text, at); };
    need(!clips_.empty() && clips_.size() <= std::size_t{1} << 31, "there must be 1 to 2^31 videos");
    need(options.batch >= 1, "batch must be at least 1");
    need(options.sets >= 1 && options.set_size >= 1 && options.set_size <= max_clips / options.sets,
         "sets and set_size must be at least 1, and their product at most 2^20");
    need(options.mask_ratio >= 0 && options.mask_ratio <= 1, "mask_ratio must be in [0, 1]");
    for (std::size_t v = 0; v < clips_.size(); ++v)
      need(clips_[v] >= drawn() && clips_[v] <= max_clips, "video " + std::to_string(v) + " has " +
                                                               std::to_string(clips_[v]) + " clips; " +
                                                               std::to_string(drawn()) + " are drawn from each");
    batch_ = (std::min)(options.batch, videos());
    stride_ = *std::max_element(clips_.begin(), clips_.end());
  }

  /// The same number of clips for every video.
  set_sampler(index_t videos, index_t clips, set_sampler_options const& options = {}, location at = location::current())
      : set_sampler(uniform(videos, clips, at), options, at) {}

  index_t videos() const { return static_cast<index_t>(clips_.size()); }

  /// Videos in each batch.
  index_t batch() const { return batch_; }

  /// Whether there are fewer videos than the batch that was asked for: worth a message.
  bool batch_was_reduced() const { return batch_ < options_.batch; }

  index_t steps_per_epoch() const { return videos() / batch_; }

  /// All videos in the order of an epoch: a Fisher-Yates shuffle. O(videos).
  std::vector<std::int32_t> order(index_t epoch, location at = location::current()) const {
    std::vector<std::int32_t> out(clips_.size());
    std::iota(out.begin(), out.end(), 0);
    random_key const key = make_key(options_.seed, to_step(epoch, at), purpose::batch_order);
    for (std::size_t left = out.size(); left > 1; --left)
      std::swap(out[left - 1], out[static_cast<std::size_t>(random_below(key, left, left))]);
    return out;
  }

  /// The batch of optimisation step `step`, counted from 0 over all epochs. Reuses the memory of `out`; keeps the
  /// epoch's order, so steps in order cost O(batch).
  void draw(index_t step, set_batch& out, location at = location::current()) {
    std::uint32_t const number = to_step(step, at);
    index_t const epoch = step / steps_per_epoch();
    if (epoch != epoch_) {
      order_ = order(epoch, at);
      epoch_ = epoch;
    }
    auto const first = order_.begin() + (step % steps_per_epoch()) * batch_;
    out.videos.assign(first, first + batch_);
    draw_clips(number, out);
  }

  set_batch draw(index_t step, location at = location::current()) {
    set_batch out;
    draw(step, out, at);
    return out;
  }

 private:
  static constexpr index_t max_clips = index_t{1} << 20;

  static std::vector<std::int32_t> uniform(index_t videos, index_t clips, location at) {
    expect(videos >= 1 && videos <= index_t{1} << 31, "set_sampler", "there must be 1 to 2^31 videos", at);
    expect(clips >= 1 && clips <= max_clips, "set_sampler", "there must be 1 to 2^20 clips", at);
    return std::vector<std::int32_t>(static_cast<std::size_t>(videos), static_cast<std::int32_t>(clips));
  }

  static std::uint32_t to_step(index_t step, location at) {
    expect(step >= 0 && step <= static_cast<index_t>((std::numeric_limits<std::uint32_t>::max)()), "set_sampler",
           "a step must be in [0, 2^32)", at);
    return static_cast<std::uint32_t>(step);
  }

  index_t drawn() const { return options_.sets * options_.set_size; }

  void draw_clips(std::uint32_t step, set_batch& out) {
    random_key const permute = make_key(options_.seed, step, purpose::set_permutation);
    random_key const hide = make_key(options_.seed, step, purpose::clip_mask);
    std::size_t const count = static_cast<std::size_t>(drawn());
    out.clips.resize(out.videos.size() * count);
    out.mask.resize(out.clips.size());
    for (std::size_t b = 0; b < out.videos.size(); ++b) {
      std::uint64_t const video = static_cast<std::uint64_t>(out.videos[b]);
      std::uint64_t const base = video * static_cast<std::uint64_t>(stride_);
      std::size_t const clips = static_cast<std::size_t>(clips_[static_cast<std::size_t>(video)]);
      permutation_.resize(clips);
      std::iota(permutation_.begin(), permutation_.end(), 0);
      for (std::size_t i = 0; i < count; ++i) {  // the first `count` places of a Fisher-Yates shuffle from the front
        std::size_t const other = i + static_cast<std::size_t>(random_below(permute, base + i, clips - i));
        std::swap(permutation_[i], permutation_[other]);
        out.clips[b * count + i] = permutation_[i];
        out.mask[b * count + i] = random_unit(hide, base + i) < options_.mask_ratio ? 1 : 0;
      }
    }
  }

  set_sampler_options options_;
  std::vector<std::int32_t> clips_;
  index_t batch_ = 0, stride_ = 0, epoch_ = -1;
  std::vector<std::int32_t> order_, permutation_;
};

}  // namespace scale
