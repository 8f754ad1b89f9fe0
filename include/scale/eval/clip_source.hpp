// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where training and probes take clips from: features of all videos in memory a backend reads, and batches of them.

#include <scale/eval/input_kind.hpp>
#include <scale/nn/set_transformer_config.hpp>
#include <scale/ops/gather_clips.hpp>
#include <scale/ops/transfer.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <variant>

namespace scale {

/// Borrows a feature store's arrays; every video has the same number of clips. Host backends read the memory-mapped
/// file directly, others a copy that the caller made in their memory.
template <floating T, backend B>
struct clip_source {
  std::variant<tensor_view<f16 const, 3, B>, tensor_view<float const, 3, B>, tensor_view<double const, 3, B>> features;
  tensor_view<float const, 3, B> positions;            // [videos, clips, 7], normalised
  tensor_view<stat_t<T> const, 2, B> mean{};           // [videos, d] over each video's clips; for centred input
  tensor_view<stat_t<T> const, 1, B> inverse_scale{};  // [d], 1 / s; for centred input

  index_t videos() const { return extent(0); }
  index_t clips() const { return extent(1); }
  index_t width() const { return extent(2); }

  index_t extent(int axis) const {
    return std::visit([axis](auto const& view) { return view.extent(axis); }, features);
  }
};

/// Throws argument_error where the arrays of a source do not fit each other, or centring is asked for and not there.
template <floating T, backend B>
void check(clip_source<T, B> const& source, input_kind input, location at = location::current()) {
  shape const expected{source.videos(), source.clips(), position_width};
  expect_shape("clip_source", "positions", source.positions, expected, at);
  if (input != input_kind::centred) return;
  if (source.clips() < 2)
    throw argument_error("[clip_source] centred input needs at least two clips of each video, the store has " +
                         std::to_string(source.clips()) + detail::at_line(at));
  expect_shape("clip_source", "mean", source.mean, shape{source.videos(), source.width()}, at);
  expect_shape("clip_source", "inverse_scale", source.inverse_scale, shape{source.width()}, at);
}

/// Which clips of which videos, in a backend's memory: `video` [n], `clip` [n, v].
template <backend B>
class clip_selection {
 public:
  clip_selection() = default;

  /// Room for up to `max_videos` videos of `clips` clips each.
  clip_selection(B const& b, index_t max_videos, index_t clips)
      : clips_(clips), video_(b, shape{max_videos}), clip_(b, shape{max_videos, clips}) {}

  /// `clip` holds `clips` numbers for each video, video by video.
  void assign(B const& b, std::span<std::int32_t const> video, std::span<std::int32_t const> clip,
              location at = location::current()) {
    count_ = static_cast<index_t>(video.size());
    expect(count_ <= video_.extent(0) && static_cast<index_t>(clip.size()) == count_ * clips_, "clip_selection",
           "more videos than there is room for, or not as many clips of each as agreed", at);
    upload(b, video, video_.view().rows(0, count_), at);
    upload(b, clip, clip_.view().rows(0, count_).reshape(shape{count_ * clips_}), at);
  }

  index_t videos() const { return count_; }
  index_t rows() const { return count_ * clips_; }

  /// y [rows, d] = x, or x' where centred.
  template <floating T>
  void gather_features(B const& b, clip_source<T, B> const& source, input_kind input, tensor_view<T, 2, B> y) const {
    std::visit(
        [&](auto const& store) {
          gather_clips_args<T, B> args{.video = video(), .clip = clip()};
          if (input == input_kind::centred) {
            args.mean = source.mean;
            args.inverse_scale = source.inverse_scale;
          }
          gather_clips(b, store, y, args);
        },
        source.features);
  }

  /// y [rows, 7] =
  template <floating T>
  void gather_positions(B const& b, clip_source<T, B> const& source, tensor_view<T, 2, B> y) const {
    gather_clips(b, source.positions, y, {.video = video(), .clip = clip()});
  }

 private:
  tensor_view<std::int32_t const, 1, B> video() const { return video_.view().rows(0, count_); }
  tensor_view<std::int32_t const, 2, B> clip() const { return clip_.view().rows(0, count_); }

  index_t clips_ = 0, count_ = 0;
  tensor<std::int32_t, 1, B> video_;
  tensor<std::int32_t, 2, B> clip_;
};

}  // namespace scale
