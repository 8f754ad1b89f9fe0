// SPDX-License-Identifier: Apache-2.0
#pragma once
// Options of all sub-commands that turn videos into features.

#include <scale/data/extract.hpp>

#include "scale/backbones.hpp"
#include "scale/decoding.hpp"
#include "scale/program.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace scale::program {

/// Numbers that are 0 were not given.
struct view_arguments {
  std::vector<std::string> backbones = {"motion_energy"}, weights, allow;
  std::string views = "lin", pixels = "own", pooling = "mean", blur = "frame", store_type = "f16", root;
  int clips = 0, passes = 1, size = 0, frames = 0, short_side = 256;
  double stride = 0, time_limit = 3600;
  bool allow_damaged = false, allow_outside = false, no_sandbox = false;
};

inline constexpr char const* view_options_group = "Extraction";

/// What is wrong with a text that must be a number above 0, or nothing. CLI11's own ranges let NaN pass.
inline std::string check_positive(std::string const& text) {
  double value = 0;
  auto const [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool const good = code == std::errc() && end == text.data() + text.size() && value > 0 && std::isfinite(value);
  return good ? std::string() : "expected a number above 0, got " + text;
}

/// An option that may be repeated, each time with one word.
inline CLI::Option* add_repeated(CLI::App& command, std::string const& name, std::vector<std::string>& to,
                                 std::string const& text) {
  return command.add_option(name, to, text)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->expected(1)
      ->allow_extra_args(false);
}

inline void add_view_options(CLI::App& command, view_arguments& a) {
  command.option_defaults()->group(view_options_group);
  add_repeated(command, "--backbone", a.backbones, backbone_names() + "; unless given motion_energy");
  add_repeated(command, "--weights", a.weights,
               "the backbone's weights, as its authors published them or as .safetensors");
  add_repeated(command, "--allow", a.allow, "a weight that may be missing or unused; repeat for more");
  command.add_option("--views", a.views, "lin, aug or val")
      ->check(CLI::IsMember({"lin", "aug", "val"}))
      ->capture_default_str();
  command.add_option("--clips", a.clips, "clips per video; unless given 16, for val 15")->check(CLI::Range(1, 1 << 20));
  command.add_option("--passes", a.passes, "how often the clips are drawn")
      ->check(CLI::Range(1, 1 << 16))
      ->capture_default_str();
  command
      .add_option("--size", a.size,
                  "side of a clip in pixels; unless given the backbone's, which for 224 is 256 in views val")
      ->check(CLI::Range(1, 4096));
  command.add_option("--frames", a.frames, "frames per clip; unless given the backbone's")->check(CLI::Range(1, 4096));
  command.add_option("--stride", a.stride, "frames from one to the next at 30 per second; unless given the backbone's")
      ->check(check_positive, "POSITIVE");
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
  command.add_option("--time-limit", a.time_limit, "seconds that reading a video may take; it fails beyond that")
      ->check(check_positive, "POSITIVE")
      ->capture_default_str();
  command.add_flag("--allow-damaged", a.allow_damaged, "use the good frames of videos with decode errors");
  command.add_flag("--no-sandbox", a.no_sandbox, no_sandbox_help);
  command.add_option("--root", a.root, "folder that a list's paths begin in; unless given the list's own");
  command.add_flag("--allow-outside", a.allow_outside, "allow paths in lists to leave the list's folder");
  command.option_defaults()->group("Options");
}

/// Throws argument_error where an option of extraction was given although there is nothing to extract.
inline void expect_no_view_options(CLI::App const& command, std::string const& store) {
  for (CLI::Option const* const option : command.get_options())
    if (option->get_group() == view_options_group && option->count() > 0)
      throw argument_error(option->get_name() + ": " + store +
                           " is a store, its clips are made already; leave the option out, or give the videos");
}

/// The backbones asked for. Weights belong to those that have any, in order.
inline std::vector<backbone_choice> choices_of(view_arguments const& a, CLI::App const& command) {
  std::vector<backbone_choice> choices;
  std::size_t next = 0, takers = 0, of_frames = 0;
  for (std::string const& name : a.backbones) {
    takers += entry_of_backbone(name).has_weights ? 1u : 0u;
    of_frames += entry_of_backbone(name).input == backbone_input::frames ? 1u : 0u;
  }
  for (std::string const& name : a.backbones) {
    backbone_entry const& entry = entry_of_backbone(name);
    backbone_choice choice;
    choice.name = name;
    choice.pooling = frame_pooling_of_name(a.pooling);
    if (entry.has_weights || takers == 0) {
      if (next < a.weights.size()) choice.weights = a.weights[next++];
      choice.allow = a.allow;
    }
    bool const pools = entry.input == backbone_input::frames;
    choice.pooling_given = (pools || of_frames == 0) && command.count("--frame-pool") > 0;
    check_choice(entry, choice);
    choices.push_back(std::move(choice));
  }
  if (next < a.weights.size())
    wrong_usage("--weights", std::to_string(next) + ", one for each backbone that has weights",
                std::to_string(a.weights.size()));
  return choices;
}

inline extraction_options extraction_options_of(view_arguments const& a, backbone_choice const& choice,
                                                CLI::App const& command, session const& s) {
  backbone_defaults const own = entry_of_backbone(choice.name).defaults;
  extraction_options o;
  o.views.recipe = a.views == "lin"   ? video::view_recipe::lin
                   : a.views == "aug" ? video::view_recipe::aug
                                      : video::view_recipe::val;
  if (o.views.recipe != video::view_recipe::aug && command.count("--blur") > 0)
    throw argument_error("--blur: views " + a.views + " blur nothing, only aug does; leave the option out");
  o.views.clips = a.clips;
  o.views.passes = a.passes;
  bool const usual = own.size == 224;  // what the recipes are made for; `val` then takes 256
  o.views.size = a.size != 0 || usual ? a.size : static_cast<int>(own.size);
  o.views.sampling = sampling_of(own);
  if (a.frames > 0) o.views.sampling.num_frames = a.frames;
  if (a.stride > 0) o.views.sampling.stride = a.stride;
  o.views.blur = a.blur == "released" ? video::blur_scope::clip : video::blur_scope::frame;
  o.pixels = a.pixels == "released" ? video::pixel_statistics() : pixels_of(own);
  o.seed = s.options.seed;
  o.type = a.store_type == "f32" ? stored_type::f32 : stored_type::f16;
  o.provenance["pixels"] = a.pixels;
  o.provenance["allowed_weights"] = choice.allow;
  return o;
}

/// Threads that decode, and the memory they may take to spare a second pass through a video, for `threads` in all.
inline void share_decoding(extraction_run& run, int threads) {
  constexpr int most = 16;
  run.decode_threads = threads > 1 ? std::min(threads, most) : 0;
  run.reading.memory_budget /= static_cast<std::size_t>(std::max(1, run.decode_threads));
}

inline extraction_run extraction_run_of(view_arguments const& a, session const& s) {
  extraction_run run;
  run.reading.short_side = a.short_side;
  run.reading.damaged = a.allow_damaged ? video::damaged_videos::allow : video::damaged_videos::refuse;
  run.seconds_per_video = a.time_limit;
  share_decoding(run, s.options.threads);
  return run;
}

}  // namespace scale::program
