// SPDX-License-Identifier: Apache-2.0
// benchmark_operators [--threads=N] [--no-peak] [Google Benchmark's options]: every operator on the CPU, in the sizes
// of a pre-training step and of backbones, beside the peak of the machine, which is measured first unless --no-peak.
#include "operators/cases.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace scale::benchmarks {

namespace {

peak the_machine;

}  // namespace

peak const& machine() { return the_machine; }

}  // namespace scale::benchmarks

int main(int count, char** arguments) {
  using namespace scale::benchmarks;
  int threads = static_cast<int>(std::thread::hardware_concurrency());
  bool with_peak = true;
  char least_time[] = "--benchmark_min_time=0.2";
  std::vector<char*> rest{arguments[0], least_time};
  for (int i = 1; i < count; ++i) {
    constexpr char const* option = "--threads=";
    if (std::strncmp(arguments[i], option, std::strlen(option)) == 0)
      threads = std::atoi(arguments[i] + std::strlen(option));
    else if (std::strcmp(arguments[i], "--no-peak") == 0)
      with_peak = false;
    else
      rest.push_back(arguments[i]);
    with_peak = with_peak && std::strncmp(arguments[i], "--benchmark_list_tests", 22) != 0;
  }
  if (threads < 1 || threads > 1024) {
    std::fprintf(stderr, "benchmark_operators: --threads: expected 1 to 1024, found %d\n", threads);
    return 2;
  }
  int left = static_cast<int>(rest.size());
  benchmark::Initialize(&left, rest.data());
  if (benchmark::ReportUnrecognizedArguments(left, rest.data())) return 2;
  the_machine.threads = threads;
  if (with_peak) the_machine = measure_peak(threads);
  benchmark::AddCustomContext("threads", std::to_string(threads));
  benchmark::AddCustomContext("peak f32 GFLOP/s", std::to_string(the_machine.f32_gflops));
  benchmark::AddCustomContext("peak bf16 GFLOP/s", std::to_string(the_machine.bf16_gflops));
  benchmark::AddCustomContext("triad GB/s", std::to_string(the_machine.triad_gb));
  add_matrix_products();
  add_attention();
  add_rows();
  add_elements();
  add_losses();
  add_gathers();
  add_images();
  if (benchmark::RunSpecifiedBenchmarks() == 0) {
    std::fprintf(stderr, "benchmark_operators: no case has such a name; --benchmark_list_tests lists them\n");
    return 2;
  }
  benchmark::Shutdown();
  return 0;
}
