// SPDX-License-Identifier: Apache-2.0
// scale bench: how fast this machine trains, extracts and decodes.
#include <scale/backbone/frame_pool.hpp>
#include <scale/cpu.hpp>
#include <scale/data/open_manifest.hpp>
#include <scale/nn/pretraining_step.hpp>
#include <scale/optim/adamw.hpp>
#include <scale/ref.hpp>
#include <scale/video/reader.hpp>
#include <scale/video/resize.hpp>

#include "scale/backbones.hpp"
#include "scale/program.hpp"
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iostream>
#include <memory>

namespace scale::program {

namespace {

using clock = std::chrono::steady_clock;

double seconds_since(clock::time_point begin) { return std::chrono::duration<double>(clock::now() - begin).count(); }

double peak_rss_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void report(session const& s, nlohmann::ordered_json object, std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  object["backend"] = s.options.backend;
  object["dtype"] = s.options.backend == "ref" ? "f64" : s.options.dtype;
  if (!object.contains("threads")) object["threads"] = s.options.threads;
  object["seconds_min"] = seconds.front();
  object["seconds_median"] = seconds[seconds.size() / 2];
  object["runs"] = seconds.size();
  object["peak_rss_mb"] = peak_rss_mb();
  for (auto const& [work, rate] : {std::pair{"gflop", "gflops"}, std::pair{"frames", "frames_per_second"}})
    if (object.contains(work)) object[rate] = object[work].get<double>() / seconds.front();
  if (s.options.json) return print_json(object);
  for (auto const& [key, value] : object.items())
    std::cout << fmt::format("{}: {}\n", key, value.is_string() ? value.get<std::string>() : value.dump());
}

/// Arithmetic of one step in matrix products, forward and backward, counting only what the loss needs.
double step_gflop(set_transformer_config const& c, double videos, double clips, double masked) {
  double const sets = 2 * videos, rows = sets * clips, tokens = sets + rows, used = sets + masked;
  double const h = static_cast<double>(c.width), d = static_cast<double>(c.features);
  double const mlp = 2 * h * static_cast<double>(c.mlp_width());
  double const p = static_cast<double>(c.pred_hidden), t = static_cast<double>(c.target_hidden);
  double const set_dim = static_cast<double>(c.set_dim), dense_dim = static_cast<double>(c.dense_dim);
  double const input = 2 * (rows - masked) * d * h + rows * (2 * 7 * 2 * h + 3 * 2 * h * h);
  double const full_block = 3 * tokens * (4 * h * h + mlp);
  double const last_block = 3 * (tokens * 2 * h * h + used * (2 * h * h + mlp));
  double const heads = 3 * sets * (h * p + p * set_dim) + 3 * masked * (h * p + p * dense_dim) +
                       rows * (2 * d * t + 3 * t * t + 3 * t * dense_dim);
  double const scores = 4 * masked * rows * dense_dim + 4 * videos * videos * set_dim * 2;
  return 2e-9 * (input + static_cast<double>(c.layers - 1) * full_block + last_block + heads + scores);
}

struct step_arguments {
  index_t dim = 768, batch = 512, clips = 8, runs = 5;
  double mask_ratio = 0.25;
};

template <class T, class B>
void bench_step(session const& s, B const& b, step_arguments const& a) {
  set_transformer_config config;
  config.features = a.dim;
  index_t const rows = a.batch * 2 * a.clips;
  set_transformer_model<T, B> model(b, config, s.options.seed);
  pretraining_step<T, B> step(b, config, a.batch, a.clips);
  adamw<T, B> optimiser(b, model.parameters(), {});
  random_key const key = make_key(s.options.seed, 0, purpose::demo);
  std::vector<T> x(static_cast<std::size_t>(rows * a.dim)), position(static_cast<std::size_t>(rows * 7));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(to_unit_float(random_bits(key, i)) - 0.5f);
  for (std::size_t i = 0; i < position.size(); ++i)
    position[i] = static_cast<T>(to_unit_float(random_bits(key, x.size() + i)));
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(rows));
  double masked = 0;
  for (std::size_t i = 0; i < mask.size(); ++i)
    masked += mask[i] = random_unit(make_key(s.options.seed, 1, purpose::demo), i) < a.mask_ratio ? 1 : 0;
  tensor<T, 2, B> device_x(b, shape{rows, a.dim}), device_position(b, shape{rows, index_t{7}});
  upload(b, std::span<T const>(x), device_x);
  upload(b, std::span<T const>(position), device_position);
  std::vector<T>().swap(x);
  std::vector<double> seconds;
  for (index_t run = -1; run < a.runs && !s.stop.stop_requested(); ++run) {
    auto const begin = clock::now();
    step.forward_backward(b, model, {.x = device_x, .position = device_position, .clips = a.clips, .mask = mask},
                          s.options.seed, static_cast<std::uint32_t>(run + 1));
    optimiser.step(b, model.parameters(), 1e-4);
    if (run >= 0) seconds.push_back(seconds_since(begin));
  }
  if (seconds.empty()) throw cancelled_error("bench: stopped on request");
  report(s,
         {{"bench", "step"},
          {"dim", a.dim},
          {"batch", a.batch},
          {"gflop", step_gflop(config, static_cast<double>(a.batch), static_cast<double>(a.clips), masked)}},
         seconds);
}

struct backbone_arguments {
  backbone_choice choice;
  std::string pooling = "mean";
  index_t frames = 16, size = 224, clips = 1, runs = 10;
};

template <class T, class B>
void bench_backbone(session const& s, B const& b, backbone_arguments& a) {
  a.choice.pooling = frame_pooling_of_name(a.pooling);
  a.choice.filled = a.choice.weights.empty() && entry_of_backbone(a.choice.name).has_weights;
  auto backbone = load_backbone<T>(b, a.choice, s.options.threads);
  tensor<T, 5, B> clips(b, shape{a.clips, index_t{3}, a.frames, a.size, a.size});
  tensor<T, 2, B> features(b, shape{a.clips, backbone.feature_width()});
  std::vector<T> pixels(static_cast<std::size_t>(clips.size()));
  random_key const key = make_key(s.options.seed, 2, purpose::demo);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<T>(to_unit_float(random_bits(key, i)));
  upload(b, std::span<T const>(pixels), clips);
  std::vector<double> seconds;
  for (index_t run = -1; run < a.runs && !s.stop.stop_requested(); ++run) {
    auto const begin = clock::now();
    backbone.forward(b, tensor_view<T const, 5, B>(clips), tensor_view<T, 2, B>(features));
    if (run >= 0) seconds.push_back(seconds_since(begin));
  }
  if (seconds.empty()) throw cancelled_error("bench: stopped on request");
  report(s,
         {{"bench", "backbone"},
          {"backbone", a.choice.name},
          {"frames_per_clip", a.frames},
          {"size", a.size},
          {"clips", a.clips},
          {"feature_width", backbone.feature_width()}},
         seconds);
}

/// Every frame of every video: decoded, brought to a short side of 256, its centre of 224 x 224 copied out. One
/// thread, one frame in memory.
void bench_decode(session const& s, std::string const& path, index_t runs) {
  manifest const videos = open_manifest(path);
  std::vector<double> seconds;
  std::int64_t frames = 0;
  std::vector<std::uint8_t> crop(std::size_t{3} * 224 * 224);
  video::read_options options;
  options.damaged = video::damaged_videos::allow;
  options.stop = s.stop;
  for (index_t run = 0; run < runs; ++run) {
    auto const begin = clock::now();
    frames = 0;
    for (manifest_entry const& entry : videos.entries) {
      video::for_each_frame(entry.file, options, [&](video::frame_view const& frame, std::int64_t) {
        std::ptrdiff_t const top = (frame.size.height - 224) / 2, left = (frame.size.width - 224) / 2;
        for (std::ptrdiff_t y = 0; y < 224; ++y)
          std::memcpy(crop.data() + y * 3 * 224, frame.pixels + (top + y) * frame.stride + 3 * left, 3 * 224);
        ++frames;
      });
    }
    seconds.push_back(seconds_since(begin));
  }
  report(s,
         {{"bench", "decode"}, {"path", path}, {"videos", videos.entries.size()}, {"frames", frames}, {"threads", 1}},
         seconds);
}

}  // namespace

void add_bench(CLI::App& app, session& s) {
  CLI::App* const command = app.add_subcommand("bench", "measure speed and memory");
  command->require_subcommand(1);
  CLI::App* const step = command->add_subcommand("step", "one optimisation step of pre-training");
  auto const a = std::make_shared<step_arguments>();
  step->add_option("--dim", a->dim, "width of features")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  step->add_option("--batch", a->batch, "videos")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  step->add_option("--clips", a->clips, "in each of two sets")->check(CLI::Range(1, 1 << 16))->capture_default_str();
  step->add_option("--runs", a->runs, "")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  step->callback([&s, a] {
    s.run = [&s, a] {
      with_backend(s, [&]<class T>(auto const& b) {
        bench_step<T, std::remove_cvref_t<decltype(b)>>(s, b, *a);
        return 0;
      });
      return exit_code::done;
    };
  });
  CLI::App* const backbone = command->add_subcommand("backbone", "features of clips");
  auto const bb = std::make_shared<backbone_arguments>();
  backbone->add_option("--backbone", bb->choice.name, "")->capture_default_str();
  backbone->add_option("--weights", bb->choice.weights, "unless given, numbers as before training");
  backbone->add_option("--frames", bb->frames, "")->check(CLI::Range(1, 4096))->capture_default_str();
  backbone->add_option("--size", bb->size, "")->check(CLI::Range(1, 4096))->capture_default_str();
  backbone->add_option("--clips", bb->clips, "at once")->check(CLI::Range(1, 4096))->capture_default_str();
  backbone->add_option("--runs", bb->runs, "")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  backbone->callback([&s, bb] {
    s.run = [&s, bb] {
      with_backend<element_types::f32_and_bf16>(s, [&]<class T>(auto const& b) {
        bench_backbone<T, std::remove_cvref_t<decltype(b)>>(s, b, *bb);
        return 0;
      });
      return exit_code::done;
    };
  });
  CLI::App* const decode =
      command->add_subcommand("decode", "decoding, resizing and cropping of all frames, on one thread");
  auto const path = std::make_shared<std::string>();
  auto const runs = std::make_shared<index_t>(3);
  decode->add_option("PATH", *path, "a video, folder or list")->required();
  decode->add_option("--runs", *runs, "")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  decode->callback([&s, path, runs] {
    s.run = [&s, path, runs] {
      bench_decode(s, *path, *runs);
      return exit_code::done;
    };
  });
}

}  // namespace scale::program
