// SPDX-License-Identifier: Apache-2.0
// scale bench embed: stored features to one vector per video, the mean of its clips beside the set's summary.
#include <scale/nn/encoding_step.hpp>

#include "scale/backends.hpp"
#include "scale/bench/report.hpp"

#include <algorithm>

namespace scale::program {

namespace {

struct embed_bench_arguments {
  index_t dim = 768, videos = 1, clips = 15, at_once = 64, runs = 20;
};

template <class T, class B>
void bench_embed(session const& s, B const& b, embed_bench_arguments const& a) {
  set_transformer_config config;
  config.features = a.dim;
  config.heads = pretraining_heads::absent;
  index_t const rows = a.videos * a.clips;
  set_transformer_model<T, B> const model(b, config, s.options.seed);
  encoding_step<T, B> encoder(b, config, model.parameters().table(), pass::inference, (std::min)(a.videos, a.at_once),
                              a.clips);
  random_key const key = make_key(s.options.seed, 0, purpose::demo);
  auto const random = [&](index_t columns) {
    std::vector<T> host(static_cast<std::size_t>(rows * columns));
    for (std::size_t i = 0; i < host.size(); ++i) host[i] = static_cast<T>(to_unit_float(random_bits(key, i)) - 0.5f);
    tensor<T, 2, B> out(b, shape{rows, columns});
    upload(b, std::span<T const>(host), out);
    return out;
  };
  tensor<T, 2, B> const x = random(a.dim), position = random(position_width);
  tensor<T, 2, B> mean(b, shape{a.videos, a.dim}), cls(b, shape{a.videos, config.width});
  std::vector<double> const seconds = time_runs(s, b, a.runs, [&](index_t) {
    group_mean_forward(b, x, {.group = a.clips, .y = mean});
    encoder.encode(b, model.parameters(), {.x = x, .position = position, .clips = a.clips}, {.h = {}, .cls = cls});
  });
  report(s, {{"bench", "embed"}, {"dim", a.dim}, {"vectors", a.videos}, {"clips", a.clips}, {"at_once", a.at_once}},
         seconds);
}

}  // namespace

void add_bench_embed(CLI::App& bench, session& s) {
  CLI::App* const command = bench.add_subcommand("embed", "stored features to one vector per video");
  auto const a = std::make_shared<embed_bench_arguments>();
  command->add_option("--dim", a->dim, "width of features")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  command->add_option("--videos", a->videos, "")->check(CLI::Range(1, 1 << 24))->capture_default_str();
  command->add_option("--clips", a->clips, "of each")->check(CLI::Range(1, 1 << 16))->capture_default_str();
  command->add_option("--at-once", a->at_once, "videos")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  command->add_option("--runs", a->runs, "")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  command->callback(
      bench_callback(s, a, []<class T>(session& own, auto const& b, embed_bench_arguments const& arguments) {
        bench_embed<T>(own, b, arguments);
      }));
}

}  // namespace scale::program
