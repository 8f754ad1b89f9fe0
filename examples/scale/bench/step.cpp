// SPDX-License-Identifier: Apache-2.0
// scale bench step: one optimisation step of pre-training.
#include <scale/nn/pretraining_step.hpp>
#include <scale/optim/adamw.hpp>

#include "scale/backends.hpp"
#include "scale/bench/report.hpp"
#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <string>

namespace scale::program {

namespace {

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
  bool memory = false;
};

/// Which tensors live at the moment when the most is taken: the clock's reading then.
std::size_t time_of_peak(arena_log const& log) {
  std::size_t best = 0, at = 0;
  for (arena_record const& one : log.records)
    if (one.begin + one.bytes > best) best = one.begin + one.bytes, at = one.taken;
  return at;
}

/// A line per tensor of the step's memory, in the order taken; those at the peak are marked.
void print_lifetimes(session const& s, arena_log const& log) {
  std::size_t const peak_time = time_of_peak(log);
  std::size_t peak = 0;
  if (!s.options.json)
    std::cout << fmt::format("{:<30} {:<5} {:<20} {:>10} {:>6} {:>8}  at peak\n", "taken at", "type", "shape", "MB",
                             "taken", "released");
  for (arena_record const& one : log.records) {
    bool const there = one.taken <= peak_time && (one.released == 0 || one.released > peak_time);
    if (there) peak += one.bytes;
    std::string const file = std::filesystem::path(one.at.file).filename().string();
    std::string const at = fmt::format("{}:{}", file, one.at.line);
    double const mb = static_cast<double>(one.bytes) / (1 << 20);
    if (s.options.json)
      print_json(
          {{"bench", "memory"},
           {"at", at},
           {"type", name_of(one.type)},
           {"shape", one.shape},
           {"bytes", one.bytes},
           {"taken", one.taken},
           {"released", one.released == 0 ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(one.released)},
           {"at_peak", there}});
    else
      std::cout << fmt::format("{:<30} {:<5} {:<20} {:>10.3f} {:>6} {:>8}  {}\n", at, name_of(one.type), one.shape, mb,
                               one.taken, one.released == 0 ? "end" : std::to_string(one.released), there ? "*" : "");
  }
  if (!s.options.json)
    std::cout << fmt::format("at most {:.1f} MB at {}\n", static_cast<double>(peak) / (1 << 20), peak_time);
}

/// Draws number `first` on of the stream, from `low` to `low` + 1; row by row, so that the host holds no copy of all.
template <class T, class B>
void upload_random(B const& b, random_key const& key, std::size_t first, float low, tensor_view<T, 2, B> to) {
  std::vector<T> row(static_cast<std::size_t>(to.extent(1)));
  for (index_t i = 0; i < to.extent(0); ++i) {
    for (T& value : row) value = static_cast<T>(to_unit_float(random_bits(key, first++)) + low);
    upload(b, std::span<T const>(row), to.rows(i, 1));
  }
}

template <class T, class B>
void bench_step(session const& s, B const& b, step_arguments const& a) {
  set_transformer_config config;
  config.features = a.dim;
  index_t const rows = a.batch * 2 * a.clips;
  set_transformer_model<T, B> model(b, config, s.options.seed);
  pretraining_step<T, B> step(b, config, a.batch, a.clips);
  adamw<T, B> optimiser(b, model.parameters(), {});
  random_key const key = make_key(s.options.seed, 0, purpose::demo);
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(rows));
  double masked = 0;
  for (std::size_t i = 0; i < mask.size(); ++i)
    masked += mask[i] = random_unit(make_key(s.options.seed, 1, purpose::demo), i) < a.mask_ratio ? 1 : 0;
  tensor<T, 2, B> device_x(b, shape{rows, a.dim}), device_position(b, shape{rows, index_t{7}});
  upload_random(b, key, 0, -0.5f, device_x.view());
  upload_random(b, key, static_cast<std::size_t>(rows * a.dim), 0, device_position.view());
  if (a.memory) {
    arena_log log;
    step.record(&log);
    step.forward_backward(b, model, {.x = device_x, .position = device_position, .clips = a.clips, .mask = mask},
                          s.options.seed, 0);
    step.record(nullptr);
    print_lifetimes(s, log);
  }
  std::vector<double> const seconds = time_runs(s, b, a.runs, [&](index_t run) {
    step.forward_backward(b, model, {.x = device_x, .position = device_position, .clips = a.clips, .mask = mask},
                          s.options.seed, static_cast<std::uint32_t>(run));
    optimiser.step(b, model.parameters(), 1e-4);
  });
  report(s,
         {{"bench", "step"},
          {"dim", a.dim},
          {"batch", a.batch},
          {"clips", a.clips},
          {"activations_mb", static_cast<double>(step.bytes()) / (1 << 20)},
          {"gflop", step_gflop(config, static_cast<double>(a.batch), static_cast<double>(a.clips), masked)}},
         seconds);
}

}  // namespace

void add_bench_step(CLI::App& bench, session& s) {
  CLI::App* const command = bench.add_subcommand("step", "one optimisation step of pre-training");
  auto const a = std::make_shared<step_arguments>();
  command->add_option("--dim", a->dim, "width of features")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  command->add_option("--batch", a->batch, "videos")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  command->add_option("--clips", a->clips, "in each of two sets")->check(CLI::Range(1, 1 << 16))->capture_default_str();
  command->add_option("--runs", a->runs, "")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  command->add_flag("--memory", a->memory, "a table of the step's tensors: size, when taken and released, the peak");
  command->callback(bench_callback(s, a, []<class T>(session& own, auto const& b, step_arguments const& arguments) {
    bench_step<T>(own, b, arguments);
  }));
}

}  // namespace scale::program
