// SPDX-License-Identifier: Apache-2.0
#pragma once
// Options of all sub-commands that turn videos into features.

#include <scale/data/extract.hpp>

#include "scale/backbones.hpp"
#include "scale/program.hpp"

#include <string>

namespace scale::program {

struct view_arguments {
  backbone_choice backbone;
  std::string views = "lin", pixels = "own", pooling = "mean", blur = "frame", store_type = "f16";
  int clips = 0, passes = 1, size = 0, frames = 0, short_side = 256;
  double stride = 0;
  bool allow_damaged = false, allow_outside = false;
};

inline void add_view_options(CLI::App& command, view_arguments& a) {
  command.add_option("--backbone", a.backbone.name, "motion_energy or mobilenet_v2")->capture_default_str();
  command.add_option("--weights", a.backbone.weights, "the backbone's weights, .safetensors");
  command.add_option("--allow", a.backbone.allow, "a weight that may be missing or unused; repeat for more")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->expected(1)
      ->allow_extra_args(false);
  command.add_option("--views", a.views, "lin, aug or val")
      ->check(CLI::IsMember({"lin", "aug", "val"}))
      ->capture_default_str();
  command.add_option("--clips", a.clips, "clips per video; 0: 16, for val 15")->check(CLI::Range(0, 1 << 20));
  command.add_option("--passes", a.passes, "how often the clips are drawn")
      ->check(CLI::Range(1, 1 << 16))
      ->capture_default_str();
  command.add_option("--size", a.size, "side of a clip in pixels; 0: the recipe's")->check(CLI::Range(0, 4096));
  command.add_option("--frames", a.frames, "frames per clip; 0: the backbone's")->check(CLI::Range(0, 4096));
  command.add_option("--stride", a.stride, "frames from one to the next at 30 per second; 0: the backbone's");
  command.add_option("--pixels", a.pixels, "pixel statistics: the backbone's own, or .45/.225 as released")
      ->check(CLI::IsMember({"own", "released"}))
      ->capture_default_str();
  command.add_option("--frame-pool", a.pooling, "how frames make a clip: mean or mean+motion")
      ->check(CLI::IsMember({"mean", "mean+motion"}))
      ->capture_default_str();
  command.add_option("--blur", a.blur, "views aug: blur each frame by itself, or the clip as released")
      ->check(CLI::IsMember({"frame", "released"}))
      ->capture_default_str();
  command.add_option("--short-side", a.short_side, "short side that frames are brought to first")
      ->check(CLI::Range(16, 4096))
      ->capture_default_str();
  command.add_option("--store-type", a.store_type, "type of stored features: f16 or f32")
      ->check(CLI::IsMember({"f16", "f32"}))
      ->capture_default_str();
  command.add_flag("--allow-damaged", a.allow_damaged, "use the good frames of videos with decode errors");
  command.add_flag("--allow-outside", a.allow_outside, "allow paths in lists to leave the list's folder");
}

inline extraction_options extraction_options_of(view_arguments& a, CLI::App const& command, session const& s) {
  a.backbone.pooling_given = command.count("--frame-pool") > 0;
  a.backbone.pooling = frame_pooling_of_name(a.pooling);
  backbone_defaults const own = defaults_of(a.backbone.name);
  extraction_options o;
  o.views.recipe = a.views == "lin"   ? video::view_recipe::lin
                   : a.views == "aug" ? video::view_recipe::aug
                                      : video::view_recipe::val;
  o.views.clips = a.clips;
  o.views.passes = a.passes;
  o.views.size = a.size;
  o.views.sampling.num_frames = a.frames > 0 ? a.frames : static_cast<int>(own.frames);
  o.views.sampling.stride = a.stride > 0 ? a.stride : own.stride;
  o.views.sampling.target_fps = own.fps;
  o.views.blur = a.blur == "released" ? video::blur_scope::clip : video::blur_scope::frame;
  for (std::size_t c = 0; c < 3; ++c) {
    o.pixels.mean[c] = a.pixels == "released" ? 0.45 : own.mean[c];
    o.pixels.std[c] = a.pixels == "released" ? 0.225 : own.std[c];
  }
  o.reading.short_side = a.short_side;
  o.reading.damaged = a.allow_damaged ? video::damaged_videos::allow : video::damaged_videos::refuse;
  o.reading.stop = s.stop;
  o.seed = s.options.seed;
  o.type = a.store_type == "f32" ? stored_type::f32 : stored_type::f16;
  o.ahead = s.options.threads > 1 ? decode_ahead::yes : decode_ahead::no;
  o.provenance["pixels"] = a.pixels;
  if (a.backbone.name == "mobilenet_v2") o.provenance["frame_pool"] = a.pooling;
  return o;
}

}  // namespace scale::program
