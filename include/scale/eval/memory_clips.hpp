// SPDX-License-Identifier: Apache-2.0
#pragma once
// The clips of one video in memory as a source of clips, together with what centred input needs.

#include <scale/data/centring.hpp>
#include <scale/data/clip_extractor.hpp>
#include <scale/eval/centring_tensors.hpp>
#include <scale/eval/clip_source.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace scale {

/// A source of one video, copied to the backend's memory. What store_clips is for a feature store.
template <floating T, backend B>
class memory_clips {
 public:
  /// `scale`: s [D] of the training store, for centred input alone; see model_description. Throws argument_error for
  /// centred input without s, or of a single clip.
  memory_clips(B const& b, video_clips const& clips, input_kind input, std::span<double const> scale = {},
               location at = location::current()) {
    using stat = stat_t<T>;
    index_t const count = static_cast<index_t>(clips.positions.size()) / position_width;
    expect(count >= 1 && static_cast<index_t>(clips.positions.size()) == count * position_width &&
               static_cast<index_t>(clips.features.size()) % count == 0 && !clips.features.empty(),
           "memory_clips", "features must be [clips, width] and positions [clips, 7]", at);
    index_t const width = static_cast<index_t>(clips.features.size()) / count;
    features_ = tensor<float, 3, B>(b, shape{index_t{1}, count, width});
    positions_ = tensor<float, 3, B>(b, shape{index_t{1}, count, position_width});
    upload(b, std::span<float const>(clips.features), features_.view(), at);
    upload(b, std::span<float const>(clips.positions), positions_.view(), at);
    source_.features = tensor_view<float const, 3, B>(features_);
    source_.positions = positions_;
    if (input == input_kind::centred) {
      expect(static_cast<index_t>(scale.size()) == width, "memory_clips",
             "centred input needs s, one number per feature", at);
      std::vector<double> mean(scale.size());
      mean_of_clips(std::span<float const>(clips.features), std::span<double>(mean), at);
      std::vector<stat> const rounded(mean.begin(), mean.end());
      centring_ = centring_tensors<T, B>(b, rounded, scale, at);
      centring_.lend_to(source_);
    }
    check(source_, input, at);
  }

  /// Valid as long as this object.
  clip_source<T, B> const& source() const { return source_; }

 private:
  tensor<float, 3, B> features_, positions_;
  centring_tensors<T, B> centring_;
  clip_source<T, B> source_;
};

}  // namespace scale
