// SPDX-License-Identifier: Apache-2.0
#pragma once
// What this machine can do at most: multiply-adds of float and of bf16 pairs in registers, and traffic with memory.
// Measured, not looked up, by kernels chosen at run time; the kernels are in peak_kernels.hpp.

#include "peak_kernels.hpp"
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

namespace scale::benchmarks {

/// Of one number of threads. 0 where the processor lacks the instruction.
struct peak {
  int threads = 1;
  double f32_gflops = 0;   // a multiply-add counts as two
  double bf16_gflops = 0;  // float sums; VDPBF16PS or, where the processor has them, AMX's tiles
  double read_gb = 0;      // 1e9 bytes per second of sum += a[i]
  double copy_gb = 0;      // a[i] = b[i], bytes read and bytes written; what the cache fetches to write is not counted
  double triad_gb = 0;     // a[i] = b[i] + s c[i], likewise
};

/// Seconds of work(thread) on that many threads at once, from the moment all are there until the last is done.
template <class F>
double seconds_together(int threads, F const& work) {
  using clock = std::chrono::steady_clock;
  std::atomic<int> waiting{threads};
  std::vector<clock::time_point> begin(static_cast<std::size_t>(threads)), end(begin);
  {
    std::vector<std::jthread> all;
    for (int t = 0; t < threads; ++t)
      all.emplace_back([&, t] {
        waiting.fetch_sub(1);
        while (waiting.load() > 0) std::this_thread::yield();
        begin[static_cast<std::size_t>(t)] = clock::now();
        work(t);
        end[static_cast<std::size_t>(t)] = clock::now();
      });
  }
  return std::chrono::duration<double>(*std::max_element(end.begin(), end.end()) -
                                       *std::min_element(begin.begin(), begin.end()))
      .count();
}

/// Least seconds of several tries.
template <class F>
double best_seconds(int threads, int tries, F const& work) {
  double best = seconds_together(threads, work);
  for (int i = 1; i < tries; ++i) best = (std::min)(best, seconds_together(threads, work));
  return best;
}

/// Rate of a kernel that computes in registers: run(rounds) returns a number that depends on all of it. Some 40 ms a
/// try, so that the processor has the clock that it keeps under this load.
template <class F>
double best_gflops(int threads, int tries, double flops_per_round, F const& run) {
  std::vector<float> keep(static_cast<std::size_t>(threads) * 16);
  index_t rounds = 1 << 16;
  auto const work = [&](int t) { keep[static_cast<std::size_t>(t) * 16] = run(rounds); };
  while (seconds_together(threads, work) < 0.02) rounds *= 2;
  rounds *= 2;
  return 1e-9 * flops_per_round * static_cast<double>(rounds) * threads / best_seconds(threads, tries, work);
}

/// Floats per array: four times the last cache, at least 32 MiB.
inline std::size_t large_array_size() {
  long const cache = ::sysconf(_SC_LEVEL3_CACHE_SIZE);
  std::size_t const bytes = (std::max)(std::size_t{32} << 20, cache > 0 ? 4 * static_cast<std::size_t>(cache) : 0);
  return bytes / sizeof(float) / 4096 * 4096;
}

/// Takes about a second and 12 times the last cache in memory.
inline peak measure_peak(int threads, int tries = 8) {
  peak out{.threads = threads};
  out.f32_gflops = best_gflops(threads, tries, multiply_add_flops(), multiply_add);
  if (has_bf16_tiles())
    out.bf16_gflops = best_gflops(threads, tries, bf16_tiles_flops, bf16_tiles);
  else if (has_bf16_dot())
    out.bf16_gflops = best_gflops(threads, tries, bf16_dot_flops, bf16_dot);
  std::size_t const n = large_array_size();
  std::unique_ptr<float[]> const a(new float[n]), b(new float[n]), c(new float[n]);
  std::vector<float> sums(static_cast<std::size_t>(threads) * 16);
  auto const parts = [&](auto const& work) {
    return [&, work](int t) {
      std::size_t const begin = n * static_cast<std::size_t>(t) / static_cast<std::size_t>(threads) / 16 * 16;
      std::size_t const end = n * static_cast<std::size_t>(t + 1) / static_cast<std::size_t>(threads) / 16 * 16;
      work(begin, static_cast<index_t>(end - begin), t);
    };
  };
  seconds_together(threads, parts([&](std::size_t at, index_t size, int) {  // each thread touches its own part first
                     std::fill_n(a.get() + at, size, 1.0f);
                     std::fill_n(b.get() + at, size, 2.0f);
                     std::fill_n(c.get() + at, size, 3.0f);
                   }));
  double const bytes = 1e-9 * static_cast<double>(n * sizeof(float));
  out.read_gb = bytes / best_seconds(threads, tries, parts([&](std::size_t at, index_t size, int t) {
                                       sums[static_cast<std::size_t>(t) * 16] = sum(a.get() + at, size);
                                     }));
  out.copy_gb = 2 * bytes / best_seconds(threads, tries, parts([&](std::size_t at, index_t size, int) {
                                           copy_array(b.get() + at, a.get() + at, size);
                                         }));
  out.triad_gb = 3 * bytes / best_seconds(threads, tries, parts([&](std::size_t at, index_t size, int) {
                                            triad(b.get() + at, c.get() + at, 0.5f, a.get() + at, size);
                                          }));
  return out;
}

}  // namespace scale::benchmarks
