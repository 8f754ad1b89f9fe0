// SPDX-License-Identifier: Apache-2.0
// peak [--json] [--threads N,...]: the most that this machine computes and moves, for each number of threads (1 and
// what the machine has, unless given). What other figures are fractions of.
#include "peak.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

int usage(char const* argument) {
  std::fprintf(stderr, "peak: expected [--json] [--threads N,...] with N from 1 to 1024, found %s\n", argument);
  return 2;
}

}  // namespace

int main(int count, char** arguments) {
  bool json = false;
  std::vector<int> threads;
  for (int i = 1; i < count; ++i) {
    if (std::strcmp(arguments[i], "--json") == 0) {
      json = true;
    } else if (std::strcmp(arguments[i], "--threads") == 0 && i + 1 < count) {
      for (char const* at = arguments[++i];;) {
        char* end = nullptr;
        long const n = std::strtol(at, &end, 10);
        if (end == at || n < 1 || n > 1024 || (*end != ',' && *end != '\0')) return usage(arguments[i]);
        threads.push_back(static_cast<int>(n));
        if (*end == '\0') break;
        at = end + 1;
      }
    } else {
      return usage(arguments[i]);
    }
  }
  if (threads.empty()) {
    threads.push_back(1);
    int const all = static_cast<int>(std::thread::hardware_concurrency());
    if (all > 1) threads.push_back(all);
  }
  if (!json) std::printf("threads  f32 GFLOP/s  bf16 GFLOP/s  read GB/s  copy GB/s  triad GB/s\n");
  for (int const n : threads) {
    scale::benchmarks::peak const p = scale::benchmarks::measure_peak(n);
    std::printf(json ? "{\"bench\":\"peak\",\"threads\":%d,\"f32_gflops\":%.1f,\"bf16_gflops\":%.1f,\"read_gb\":%.1f,"
                       "\"copy_gb\":%.1f,\"triad_gb\":%.1f}\n"
                     : "%7d %12.1f %13.1f %10.1f %10.1f %11.1f\n",
                p.threads, p.f32_gflops, p.bf16_gflops, p.read_gb, p.copy_gb, p.triad_gb);
  }
  return std::fflush(stdout) == 0 ? 0 : 4;
}
