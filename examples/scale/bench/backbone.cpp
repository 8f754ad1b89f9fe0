// SPDX-License-Identifier: Apache-2.0
// scale bench backbone: features of clips.
#include <scale/backbone/frame_pool.hpp>

#include "scale/backbones.hpp"
#include "scale/bench/report.hpp"

#include <memory>
#include <vector>

namespace scale::program {

namespace {

struct backbone_arguments {
  backbone_choice choice;
  std::string pooling = "mean";
  index_t frames = 16, size = 224, clips = 1, runs = 10;
};

template <class T, class B>
void bench_backbone(session const& s, B const& b, backbone_arguments a) {
  a.choice.pooling = frame_pooling_of_name(a.pooling);
  a.choice.filled = a.choice.weights.empty() && entry_of_backbone(a.choice.name).has_weights;
  auto backbone = load_backbone<T>(b, a.choice, s.options.threads);
  tensor<T, 5, B> clips(b, shape{a.clips, index_t{3}, a.frames, a.size, a.size});
  tensor<T, 2, B> features(b, shape{a.clips, backbone.feature_width()});
  std::vector<T> pixels(static_cast<std::size_t>(clips.size()));
  random_key const key = make_key(s.options.seed, 2, purpose::demo);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<T>(to_unit_float(random_bits(key, i)));
  upload(b, std::span<T const>(pixels), clips);
  std::vector<double> const seconds = time_runs(s, b, a.runs, [&](index_t) {
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

}  // namespace

void add_bench_backbone(CLI::App& bench, session& s) {
  CLI::App* const command = bench.add_subcommand("backbone", "features of clips");
  auto const a = std::make_shared<backbone_arguments>();
  command->add_option("--backbone", a->choice.name, "")->capture_default_str();
  command->add_option("--weights", a->choice.weights, "unless given, numbers as before training");
  command->add_option("--frames", a->frames, "")->check(CLI::Range(1, 4096))->capture_default_str();
  command->add_option("--size", a->size, "")->check(CLI::Range(1, 4096))->capture_default_str();
  command->add_option("--clips", a->clips, "at once")->check(CLI::Range(1, 4096))->capture_default_str();
  command->add_option("--runs", a->runs, "")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  command->callback(bench_callback(s, a, []<class T>(session& own, auto const& b, backbone_arguments const& arguments) {
    bench_backbone<T>(own, b, arguments);
  }));
}

}  // namespace scale::program
