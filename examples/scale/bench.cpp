// SPDX-License-Identifier: Apache-2.0
// scale bench: how fast this machine trains, extracts and decodes.
#include <scale/backbone/frame_pool.hpp>
#include <scale/cpu.hpp>
#include <scale/data/open_manifest.hpp>
#include <scale/ref.hpp>
#include <scale/video/reader.hpp>
#include <scale/video/resize.hpp>

#include "scale/backbones.hpp"
#include "scale/bench/report.hpp"

#include <cstring>
#include <memory>

namespace scale::program {

namespace {

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
  std::vector<double> const seconds = time_runs(s, a.runs, [&](index_t) {
    backbone.forward(b, tensor_view<T const, 5, B>(clips), tensor_view<T, 2, B>(features));
  });
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
    auto const begin = bench_clock::now();
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
  add_bench_step(*command, s);
  add_bench_embed(*command, s);
  add_bench_knn(*command, s);
  add_bench_store(*command, s);
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
