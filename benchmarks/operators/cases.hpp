// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the benchmarks of operators share: tensors of random numbers, and cases that report their rate and the fraction
// of the machine's peak that it is.

#include <scale/core/random.hpp>
#include <scale/core/tensor.hpp>
#include <scale/cpu/context.hpp>

#include "peak.hpp"
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <utility>

namespace scale::benchmarks {

/// Of the threads that the operators run on; measured when the process starts, or all 0 on request.
peak const& machine();

/// Sizes of a pre-training step: 512 videos with two sets of 8 clips, D 768, H 256; a quarter of the clips is masked.
/// token_rows: clips and summaries; patches: tokens of VideoMAE-B for a clip of 16 x 224 x 224.
inline constexpr index_t videos = 512, sets = 1024, set_clips = 8, clip_rows = 8192, token_rows = 9216, masked = 2048;
inline constexpr index_t features = 768, width = 256, heads = 8, contrast = 128, patches = 1568;

/// What a call computes and moves: multiply-adds in matrix products, each two; bytes of every input once and of every
/// output once, in the type's own size.
struct work {
  double flops = 0;
  double bytes = 0;
};

/// Elements of all shapes together, in bytes of T.
template <class T, class... Numbers>
double bytes(Numbers... elements) {
  return static_cast<double>(sizeof(T)) * (static_cast<double>(elements) + ...);
}

inline double product(index_t m, index_t n, index_t k) {
  return 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
}

/// Uniform numbers in [-half, half).
template <class T, int Rank>
tensor<T, Rank, cpu::context> random(cpu::context const& c, shape<Rank> const& s, float half = 1) {
  tensor<T, Rank, cpu::context> out(c, s);
  random_key const key = make_key(7, static_cast<std::uint32_t>(Rank), purpose::demo);
  for (index_t i = 0; i < out.size(); ++i)
    out.data_handle()[i] =
        static_cast<T>(half * (2 * to_unit_float(random_bits(key, static_cast<std::uint64_t>(i))) - 1));
  return out;
}

/// Numbers 0, step, 2 step, ... modulo `below`.
inline tensor<std::int32_t, 1, cpu::context> numbers(cpu::context const& c, index_t n, index_t step, index_t below) {
  tensor<std::int32_t, 1, cpu::context> out(c, shape{n});
  for (index_t i = 0; i < n; ++i) out.data_handle()[i] = static_cast<std::int32_t>(i * step % below);
  return out;
}

/// A case NAME/TYPE: make(context) prepares what is called once uncounted and then timed. Its counters: GFLOP/s with
/// the fraction of the peak of T, and GB/s with the fraction of triad; above 1 where the data stay in the cache.
template <class T, class Make>
void add(std::string const& name, work const& one, Make make) {
  std::string const full = name + "/" + std::string(name_of(dtype_of<T>));
  auto const run = [=](benchmark::State& state) {
    auto call = make(cpu::context(machine().threads));
    call();
    for (auto _ : state) call();
    auto const rate = [&](double amount) {
      return benchmark::Counter(1e-9 * amount, benchmark::Counter::kIsIterationInvariantRate);
    };
    double const top =
        std::same_as<T, bf16> && machine().bf16_gflops > 0 ? machine().bf16_gflops : machine().f32_gflops;
    if (one.flops > 0) state.counters["GFLOP/s"] = rate(one.flops);
    if (one.flops > 0 && top > 0) state.counters["of_peak"] = rate(one.flops / top);
    if (one.bytes > 0) state.counters["GB/s"] = rate(one.bytes);
    if (one.bytes > 0 && machine().triad_gb > 0) state.counters["of_triad"] = rate(one.bytes / machine().triad_gb);
  };
  benchmark::RegisterBenchmark(full.c_str(), run)->UseRealTime()->Unit(benchmark::kMillisecond);
}

/// One file each.
void add_matrix_products();
void add_attention();
void add_rows();
void add_elements();
void add_losses();
void add_gathers();
void add_images();

}  // namespace scale::benchmarks
