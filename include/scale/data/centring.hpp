// SPDX-License-Identifier: Apache-2.0
#pragma once
// Centred input (method, section 8): x' = (x - mean of the video's clips) / s, s measured over a whole training store.

#include <scale/core/error.hpp>
#include <scale/core/shape.hpp>
#include <scale/data/feature_store.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace scale {

/// Mean over the rows of `x` [v, d], in double, to `mean` [d].
template <std::floating_point T>
void mean_of_clips(std::span<T const> x, std::span<double> mean, location at = location::current()) {
  std::size_t const d = mean.size();
  expect(d >= 1 && !x.empty() && x.size() % d == 0, "mean_of_clips", "x must be [v, d] with v and d at least 1", at);
  std::fill(mean.begin(), mean.end(), 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) mean[i % d] += static_cast<double>(x[i]);
  double const v = static_cast<double>(x.size() / d);
  for (double& value : mean) value /= v;
}

/// Gathers s: the standard deviation (divisor: all clips) of x - mean, feature by feature, video after video. Sums in
/// double; memory O(d).
class centring_scale {
 public:
  explicit centring_scale(index_t width, location at = location::current()) {
    expect(width >= 1, "centring_scale", "width must be at least 1", at);
    mean_.resize(static_cast<std::size_t>(width));
    square_.resize(mean_.size(), 0.0);
  }

  /// x [v, d]: all clips stored for one video. Throws argument_error for a single one: it has nothing to centre.
  template <std::floating_point T>
  void add_video(std::span<T const> x, location at = location::current()) {
    std::size_t const d = mean_.size();
    mean_of_clips(x, std::span<double>(mean_), at);
    expect(x.size() > d, "centring_scale",
           "centred input needs at least two clips per video, this one has a single one", at);
    for (std::size_t i = 0; i < x.size(); ++i) {
      double const difference = static_cast<double>(x[i]) - mean_[i % d];
      square_[i % d] += difference * difference;
    }
    clips_ += x.size() / d;
  }

  /// s [d]; 1 where a feature never differs from its video's mean.
  std::vector<double> finish(location at = location::current()) const {
    expect(clips_ != 0, "centring_scale", "no video was added", at);
    std::vector<double> s(square_.size());
    for (std::size_t j = 0; j < s.size(); ++j) {
      s[j] = std::sqrt(square_[j] / static_cast<double>(clips_));
      if (s[j] == 0) s[j] = 1;
    }
    return s;
  }

 private:
  std::vector<double> mean_, square_;
  std::uint64_t clips_ = 0;
};

/// x [v, d] becomes (x - its mean over v) / s, computed in double and rounded once. v counts valid clips only, padding
/// is left out. Throws argument_error for v = 1.
template <std::floating_point T>
void centre_clips(std::span<T> x, std::span<double const> s, location at = location::current()) {
  std::vector<double> mean(s.size());
  mean_of_clips(std::span<T const>(x), std::span<double>(mean), at);
  expect(x.size() > s.size(), "centre_clips", "centred input needs at least two clips, there is a single one", at);
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<T>((static_cast<double>(x[i]) - mean[i % s.size()]) / s[i % s.size()]);
}

/// s [D] of a store. Reads it once; memory of one video. Throws argument_error, naming it, where a video has one clip.
inline std::vector<double> centring_scale_of(feature_store const& store, location at = location::current()) {
  centring_scale scale(store.feature_width(), at);
  for (index_t video = 0; video < store.videos(); ++video) {
    if (store.record(video).rows == 1)
      throw argument_error("[centring_scale_of] centred input needs at least two clips per video; '" +
                           printable(store.record(video).name) + "' has a single one" + detail::at_line(at));
    scale.add_video(std::span<float const>(store.features_as<float>(video)), at);
  }
  return scale.finish(at);
}

/// Each video's mean over its clips, [N, D], computed in double and rounded once to T.
template <std::floating_point T>
std::vector<T> video_means(feature_store const& store) {
  std::size_t const d = static_cast<std::size_t>(store.feature_width());
  std::vector<T> out;
  out.reserve(static_cast<std::size_t>(store.videos()) * d);
  std::vector<double> mean(d);
  for (index_t video = 0; video < store.videos(); ++video) {
    std::vector<float> const x = store.features_as<float>(video);
    mean_of_clips(std::span<float const>(x), std::span<double>(mean));
    for (double const value : mean) out.push_back(static_cast<T>(value));
  }
  return out;
}

}  // namespace scale
