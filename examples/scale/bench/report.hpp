// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the measurements of `scale bench` share: the clock, the report, the backends.

#include <scale/core/shape.hpp>

#include "scale/program.hpp"

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

namespace scale::program {

using bench_clock = std::chrono::steady_clock;

inline double seconds_since(bench_clock::time_point begin) {
  return std::chrono::duration<double>(bench_clock::now() - begin).count();
}

/// Most memory of this process so far; memory that it has at this moment.
double peak_rss_mb();
double current_rss_mb();

/// Prints `object`, and after it how often and how fast: seconds of each run, of which rates are formed where `object`
/// has gflop, frames, vectors or queries.
void report(session const& s, nlohmann::ordered_json object, std::vector<double> seconds);

/// Seconds of `runs` calls after one that does not count, each until the backend has done what was queued. Throws
/// cancelled_error where stopped before the first.
template <class B, class F>
std::vector<double> time_runs(session const& s, B const& b, index_t runs, F const& f) {
  std::vector<double> seconds;
  for (index_t run = -1; run < runs && !s.stop.stop_requested(); ++run) {
    auto const begin = bench_clock::now();
    f(run + 1);
    if constexpr (requires { b.synchronize(); }) b.synchronize();
    if (run >= 0) seconds.push_back(seconds_since(begin));
  }
  if (seconds.empty()) throw cancelled_error("bench: stopped on request");
  return seconds;
}

/// The sub-command's run: work<T>(session, context, arguments).
template <class Arguments, class Work>
auto bench_callback(session& s, std::shared_ptr<Arguments> a, Work work) {
  return [&s, a, work] {
    s.run = [&s, a, work] {
      return with_backend<element_types::f32_and_bf16>(s, [&]<class T>(auto const& b) {
        work.template operator()<T>(s, b, *a);
        return exit_code::done;
      });
    };
  };
}

/// One sub-command of `scale bench` each.
void add_bench_backbone(CLI::App& bench, session& s);
void add_bench_decode(CLI::App& bench, session& s);
void add_bench_embed(CLI::App& bench, session& s);
void add_bench_knn(CLI::App& bench, session& s);
void add_bench_step(CLI::App& bench, session& s);
void add_bench_store(CLI::App& bench, session& s);

}  // namespace scale::program
