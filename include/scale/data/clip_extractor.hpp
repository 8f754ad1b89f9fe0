// SPDX-License-Identifier: Apache-2.0
#pragma once
// From the frames of one video in memory to its clips: a backbone's features and the clips' positions.

#include <scale/backbone/backbone.hpp>
#include <scale/ops/transfer.hpp>
#include <scale/video/positions.hpp>
#include <scale/video/render_clip.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <vector>

namespace scale {

/// The clips of one video, as a feature store keeps them.
struct video_clips {
  std::vector<float> features;       // [clips, feature width]
  std::vector<float> positions;      // [clips, 7], normalised over these clips
  std::vector<float> raw_positions;  // [clips, 7], in pixels and frames
};

/// A backbone's own way of sampling clips, and its own pixel statistics.
inline video::clip_sampling sampling_of(backbone_defaults const& own) {
  return {.num_frames = static_cast<int>(own.frames), .stride = own.stride, .target_fps = own.fps};
}

inline video::pixel_statistics pixels_of(backbone_defaults const& own) {
  video::pixel_statistics pixels;
  std::copy_n(own.mean, 3, pixels.mean.begin());
  std::copy_n(own.std, 3, pixels.std.begin());
  return pixels;
}

/// Renders planned clips and gives them to a backbone, up to `clips_at_once` together. For one video after the other:
/// memory is taken once. One object serves one thread.
template <floating T, backend B>
class clip_extractor {
 public:
  /// For plans made with `views` and a backbone of `feature_width`.
  clip_extractor(B const& b, index_t feature_width, video::view_options const& views,
                 video::pixel_statistics const& pixels, index_t clips_at_once = 4, location at = location::current())
      : clips_(index_t{views.clip_count()} * views.passes), pixel_statistics_(pixels) {
    expect(feature_width >= 1 && clips_ >= 1, "clip_extractor", "feature_width and clips must be at least 1", at);
    expect(clips_at_once >= 1, "clip_extractor", "clips_at_once must be at least 1", at);
    index_t const side = views.clip_size();
    shape const batch{(std::min)(clips_at_once, clips_), index_t{3}, index_t{views.sampling.num_frames}, side, side};
    input_ = tensor<T, 5, B>(b, batch);
    output_ = tensor<T, 2, B>(b, shape{clips_, feature_width});
    pixels_.resize(static_cast<std::size_t>(input_.size()));
    features_.resize(static_cast<std::size_t>(output_.size()));
  }

  /// All clips of a video. Throws argument_error where its plan is not of the options given.
  template <clip_backbone<T, B> Backbone>
  video_clips operator()(B const& b, Backbone& backbone, video::planned_video const& video,
                         location at = location::current()) {
    return (*this)(b, backbone, video.video, video.clips, at);
  }

  /// The clips of `plan`, whose frames `video` holds.
  template <clip_backbone<T, B> Backbone>
  video_clips operator()(B const& b, Backbone& backbone, video::decoded_video const& video,
                         std::span<video::planned_clip const> plan, location at = location::current()) {
    expect(static_cast<index_t>(plan.size()) == clips_, "clip_extractor", "the plan has another number of clips", at);
    index_t const batch = input_.extent(0);
    for (index_t begin = 0; begin < clips_; begin += batch) {
      index_t const count = (std::min)(batch, clips_ - begin);
      tensor_view<T, 5, B> const part = input_.view().rows(0, count);
      render(video, plan.subspan(static_cast<std::size_t>(begin)), count, at);
      upload_pixels(b, part, at);
      backbone.forward(b, tensor_view<T const, 5, B>(part), output_.view().rows(begin, count));
    }
    download(b, output_, std::span<T>(features_), at);
    video_clips out;
    out.features.assign(features_.begin(), features_.end());
    std::vector<video::position> const raw = video::positions_of(plan);
    out.positions.resize(raw.size() * video::position_width);
    video::normalize_positions(std::span<video::position const>(raw), std::span<float>(out.positions), at);
    for (video::position const& row : raw) out.raw_positions.insert(out.raw_positions.end(), row.begin(), row.end());
    return out;
  }

 private:
  using pixel = stat_t<T>;

  void render(video::decoded_video const& video, std::span<video::planned_clip const> plan, index_t count,
              location at) {
    std::size_t const size = pixels_.size() / static_cast<std::size_t>(input_.extent(0));
    for (index_t c = 0; c < count; ++c)
      video::render_clip<pixel>(video, plan[static_cast<std::size_t>(c)], pixel_statistics_,
                                std::span<pixel>(pixels_).subspan(static_cast<std::size_t>(c) * size, size), at);
  }

  void upload_pixels(B const& b, tensor_view<T, 5, B> part, location at) {
    std::span<pixel const> const used = std::span<pixel const>(pixels_).first(static_cast<std::size_t>(part.size()));
    if constexpr (std::same_as<T, pixel>) {
      upload(b, used, part, at);
    } else {
      converted_.resize(used.size());
      std::transform(used.begin(), used.end(), converted_.begin(), [](pixel value) { return T(value); });
      upload(b, std::span<T const>(converted_), part, at);
    }
  }

  index_t clips_;
  video::pixel_statistics pixel_statistics_;
  std::vector<pixel> pixels_;
  std::vector<T> converted_, features_;
  tensor<T, 5, B> input_;
  tensor<T, 2, B> output_;
};

}  // namespace scale
