// SPDX-License-Identifier: Apache-2.0
// scale bench store: a store of random features written, or one that is there opened and sampled from.
#include <scale/data/feature_store.hpp>
#include <scale/data/feature_store_writer.hpp>
#include <scale/data/set_sampler.hpp>

#include "scale/backends.hpp"
#include "scale/bench/report.hpp"

#include <algorithm>
#include <filesystem>
#include <string>

namespace scale::program {

namespace {

struct store_arguments {
  std::string path;
  index_t write = 0, clips = 16, dim = 768, batch = 512, runs = 20;
};

nlohmann::json any_provenance() {
  nlohmann::json out;
  for (std::string_view const key : provenance_keys) out[std::string(key)] = "random";
  return out;
}

void write_store(session const& s, store_arguments const& a) {
  if (std::filesystem::exists(a.path))
    wrong_usage("PATH", "a file that does not exist, to be written", a.path,
                "leave out --write to measure what is there");
  std::vector<float> features(static_cast<std::size_t>(a.clips * a.dim));
  std::vector<float> positions(static_cast<std::size_t>(a.clips * store_position_width));
  random_key const key = make_key(s.options.seed, 0, purpose::demo);
  for (std::size_t i = 0; i < features.size(); ++i) features[i] = to_unit_float(random_bits(key, i)) - 0.5f;
  for (std::size_t i = 0; i < positions.size(); ++i) positions[i] = to_unit_float(random_bits(key, i));
  auto const begin = bench_clock::now();
  feature_store_writer writer(a.path, {.feature_width = a.dim, .provenance = any_provenance()});
  for (index_t video = 0; video < a.write; ++video) {
    if (s.stop.stop_requested()) throw cancelled_error("bench: stopped on request, nothing was written");
    writer.append({.name = "video" + std::to_string(video) + ".mp4",
                   .width = 320,
                   .height = 240,
                   .frames = 300,
                   .fps = 30,
                   .features = features,
                   .positions = positions,
                   .raw_positions = positions});
  }
  writer.finish();
  report(s, {{"bench", "store"}, {"phase", "write"}, {"videos", a.write}, {"clips", a.clips}, {"dim", a.dim}},
         {seconds_since(begin)});
}

/// Runs are batches drawn: indices and mask, then features to float, from the mapped file. The first of an epoch, which
/// shuffles all videos, is by itself, and so is opening.
void open_store(session const& s, store_arguments const& a) {
  auto const begin = bench_clock::now();
  feature_store const store(a.path);
  double const opened = seconds_since(begin), rss = current_rss_mb();
  cpu::context const b(s.options.threads);
  index_t const set_size = (std::min)(index_t{8}, store.clips() / 2);
  if (set_size < 1) wrong_usage("PATH", "a store with two clips or more per video", std::to_string(store.clips()));
  set_sampler sampler(store.videos(), store.clips(), {.batch = a.batch, .set_size = set_size, .seed = s.options.seed});
  auto const shuffle = bench_clock::now();
  set_batch drawn = sampler.draw(0);
  double const first = seconds_since(shuffle);
  index_t const n = sampler.batch(), count = 2 * set_size;
  tensor<float, 2, cpu::context> x(b, shape{n * count, store.feature_width()});
  std::vector<double> const seconds = time_runs(s, b, a.runs, [&](index_t run) {
    sampler.draw(run % sampler.steps_per_epoch(), drawn);
    tensor_view<std::int32_t const, 1, cpu::context> const video(drawn.videos.data(), shape{n});
    tensor_view<std::int32_t const, 2, cpu::context> const clip(drawn.clips.data(), shape{n, count});
    gather_clips(b, store.features<cpu::context, f16>(), x, {.video = video, .clip = clip});
  });
  report(s,
         {{"bench", "store"},
          {"phase", "read"},
          {"videos", store.videos()},
          {"clips", store.clips()},
          {"dim", store.feature_width()},
          {"batch", n},
          {"open_seconds", opened},
          {"open_rss_mb", rss},
          {"first_draw_seconds", first}},
         seconds);
}

}  // namespace

void add_bench_store(CLI::App& bench, session& s) {
  CLI::App* const command = bench.add_subcommand("store", "opening a store of features, and drawing batches from it");
  auto const a = std::make_shared<store_arguments>();
  command->add_option("PATH", a->path, "a store with f16 features")->required();
  command->add_option("--write", a->write, "instead writes it, random, with so many videos")
      ->check(CLI::Range(1, 1 << 30));
  command->add_option("--clips", a->clips, "of each, to write")->check(CLI::Range(1, 1 << 16))->capture_default_str();
  command->add_option("--dim", a->dim, "width of features, to write")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--batch", a->batch, "videos drawn")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  command->add_option("--runs", a->runs, "batches")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  command->callback([&s, a] {
    s.run = [&s, a] {
      a->write > 0 ? write_store(s, *a) : open_store(s, *a);
      return exit_code::done;
    };
  });
}

}  // namespace scale::program
