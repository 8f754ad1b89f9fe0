// SPDX-License-Identifier: Apache-2.0
#pragma once
// The three recipes that draw clips from a video (Sameni et al., ICCV 2023, section 4 and the released code): `lin` and
// `aug` for training and probing, `val` for testing. Planning is apart from rendering: a plan says which frames to
// read.

#include <scale/core/error.hpp>
#include <scale/core/random.hpp>
#include <scale/video/clip_times.hpp>
#include <scale/video/colour_augment.hpp>
#include <scale/video/crop_box.hpp>
#include <scale/video/positions.hpp>
#include <scale/video/resize.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace scale::video {

enum class view_recipe { lin, aug, val };

/// `size` is the side of a clip; 0 stands for the recipe's own: 224, for `val` 256. Other sizes scale the recipe: `lin`
/// draws the short side from [round(256 * size / 224), round(320 * size / 224)], `val` resizes the short side to `size`
/// itself, `aug` only changes what its box is resized to.
struct view_options {
  view_recipe recipe = view_recipe::lin;
  int clips = 0;   // per video and pass; 0: 16, for `val` 15. `val` has three crops per start: a multiple of 3
  int passes = 1;  // how often `clips` are drawn, each time anew; `val` draws nothing, so only 1
  int size = 0;
  clip_sampling sampling;
  blur_scope blur = blur_scope::frame;  // `aug` only

  int clip_count() const { return clips != 0 ? clips : recipe == view_recipe::val ? 15 : 16; }
  int clip_size() const { return size != 0 ? size : recipe == view_recipe::val ? 256 : 224; }
};

/// A clip to be rendered: its frames, what happens to each, and its raw position.
struct planned_clip {
  std::vector<std::int64_t> indices;  // [num_frames], not decreasing
  crop_geometry geometry;
  std::optional<colour_draw> colour;
  position raw{};
};

namespace detail {

/// Numbers of one clip's stream: clip c of a video takes numbers 64 c to 64 c + 63 of (seed, video, purpose::view) and
/// 16 c to 16 c + 15 of (seed, video, purpose::colour), c counted through all passes.
/// view: 0 start, 1 flip, 2 short side, 3 top, 4 left; aug: 8 + 4 k to 11 + 4 k area, aspect, top, left of try k.
/// colour: 0 whether jittered, 1 to 4 factors of brightness, contrast, saturation, hue, 5 order, 6 grey, 7 whether
/// blurred, 8 sigma.
class clip_draws {
 public:
  clip_draws(std::uint64_t seed, std::uint32_t video, int clip)
      : view_(make_key(seed, video, purpose::view)),
        colour_(make_key(seed, video, purpose::colour)),
        clip_(static_cast<std::uint64_t>(clip)) {}

  double view(unsigned n) const { return random_unit(view_, clip_ * 64 + n); }
  int view_below(unsigned n, int bound) const {
    return static_cast<int>(random_below(view_, clip_ * 64 + n, static_cast<std::uint64_t>(bound)));
  }
  double colour(unsigned n) const { return random_unit(colour_, clip_ * 16 + n); }
  int colour_below(unsigned n, int bound) const {
    return static_cast<int>(random_below(colour_, clip_ * 16 + n, static_cast<std::uint64_t>(bound)));
  }

 private:
  random_key view_;
  random_key colour_;
  std::uint64_t clip_;
};

inline double between(double low, double high, double u) { return low + (high - low) * u; }

inline crop_geometry draw_lin(frame_size frame, int size, clip_draws const& draws) {
  auto const scaled = [&](int side) { return static_cast<int>(std::lround(side * static_cast<double>(size) / 224)); };
  int const least = scaled(256);
  int const short_side = least + draws.view_below(2, scaled(320) - least + 1);
  frame_size const resized = short_side_size(frame, short_side);
  int const top = draws.view_below(3, resized.height - size + 1);
  int const left = draws.view_below(4, resized.width - size + 1);
  return short_side_crop(frame, short_side, size, top, left, draws.view(1) < 0.5 ? flip::horizontal : flip::none);
}

inline crop_geometry draw_aug(frame_size frame, int size, clip_draws const& draws) {
  crop_range const range;
  std::optional<pixel_box> box;
  for (unsigned k = 0; k < static_cast<unsigned>(range.tries) && !box; ++k) {
    unsigned const n = 8 + 4 * k;
    double const log_aspect = between(std::log(range.least_aspect), std::log(range.most_aspect), draws.view(n + 1));
    box = try_crop_box(frame, {between(range.least_area, range.most_area, draws.view(n)), std::exp(log_aspect),
                               draws.view(n + 2), draws.view(n + 3)});
  }
  return box_crop(box ? *box : fallback_crop_box(frame, range), size,
                  draws.view(1) < 0.5 ? flip::horizontal : flip::none);
}

inline colour_draw draw_colour(blur_scope scope, clip_draws const& draws) {
  colour_draw draw;
  draw.scope = scope;
  if (draws.colour(0) < 0.8) {
    draw.steps = 4;
    draw.brightness = between(0.6, 1.4, draws.colour(1));
    draw.contrast = between(0.6, 1.4, draws.colour(2));
    draw.saturation = between(0.6, 1.4, draws.colour(3));
    draw.hue = between(-0.15, 0.15, draws.colour(4));
    int order = draws.colour_below(5, 24);
    for (int left = 4; left > 1; --left) {  // one of the 24 orders
      std::swap(draw.order[static_cast<std::size_t>(left - 1)], draw.order[static_cast<std::size_t>(order % left)]);
      order /= left;
    }
  }
  draw.grey = draws.colour(6) < 0.2;
  if (draws.colour(7) < 0.5) draw.blur_sigma = between(0.1, 2.0, draws.colour(8));
  return draw;
}

}  // namespace detail

/// All clips of one video: passes * clips, pass after pass; `val` start by start, the three crops of a start together.
/// `frame` is the size of the frames that will be rendered (see working_size), video the video's index in its list: it
/// and the seed alone decide the draws. Throws argument_error.
inline std::vector<planned_clip> plan_views(std::int64_t video_frames, double fps, frame_size frame,
                                            view_options const& options, std::uint64_t seed, std::uint32_t video,
                                            location at = location::current()) {
  bool const val = options.recipe == view_recipe::val;
  int const clips = options.clip_count();
  int const side = options.clip_size();
  expect(clips >= 1 && options.passes >= 1 && side >= 1, "plan_views", "clips, passes and size must be positive", at);
  expect(!val || clips % 3 == 0, "plan_views", "val takes three crops per start: clips must be a multiple of 3", at);
  expect(!val || options.passes == 1, "plan_views", "val draws nothing: a second pass would repeat the first", at);
  double const length = video::clip_size(options.sampling, fps);

  std::vector<planned_clip> plan;
  plan.reserve(static_cast<std::size_t>(clips) * static_cast<std::size_t>(options.passes));
  for (int c = 0; c < clips * options.passes; ++c) {
    detail::clip_draws const draws(seed, video, c);
    planned_clip clip;
    clip_time const time = val ? clip_at_even_step(video_frames, length, c / 3, clips / 3)
                               : clip_at_fraction(video_frames, length, draws.view(0));
    clip.indices = clip_indices(time, video_frames, options.sampling.num_frames);
    switch (options.recipe) {
      case view_recipe::lin: clip.geometry = detail::draw_lin(frame, side, draws); break;
      case view_recipe::aug:
        clip.geometry = detail::draw_aug(frame, side, draws);
        clip.colour = detail::draw_colour(options.blur, draws);
        break;
      case view_recipe::val: clip.geometry = spatial_crop(frame, side, side, c % 3); break;
    }
    clip.raw = val ? resized_position(clip.geometry) : source_position(clip.geometry);
    clip.raw[5] = time.start;
    clip.raw[6] = time.end;
    plan.push_back(std::move(clip));
  }
  return plan;
}

/// The frames that some clip needs, ascending, each once.
inline std::vector<std::int64_t> frames_of(std::span<planned_clip const> plan) {
  std::vector<std::int64_t> all;
  for (planned_clip const& clip : plan) all.insert(all.end(), clip.indices.begin(), clip.indices.end());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

/// Raw positions of a plan, in its order.
inline std::vector<position> positions_of(std::span<planned_clip const> plan) {
  std::vector<position> raw;
  for (planned_clip const& clip : plan) raw.push_back(clip.raw);
  return raw;
}

}  // namespace scale::video
