// SPDX-License-Identifier: Apache-2.0
#include "scale/bench/report.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <string>

namespace scale::program {

// Not getrusage: what it says includes the peak of the process that called exec.
double peak_rss_mb() {
  std::ifstream in("/proc/self/status");
  for (std::string word; in >> word;) {
    double kilobytes = 0;
    if (word == "VmHWM:" && in >> kilobytes) return kilobytes / 1024;
  }
  throw resource_error(
      "/proc/self/status has no VmHWM: this system does not say how much memory a process had at most");
}

double current_rss_mb() {
  std::ifstream in("/proc/self/statm");
  double size = 0, resident = 0;
  if (!(in >> size >> resident))
    throw resource_error("/proc/self/statm cannot be read: this system does not say how much memory a process has");
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

void report(session const& s, nlohmann::ordered_json object, std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  object["backend"] = s.options.backend;
  object["dtype"] = s.options.backend == "ref" ? "f64" : s.options.dtype;
  if (!object.contains("threads")) object["threads"] = s.options.threads;
  object["seconds_min"] = seconds.front();
  object["seconds_median"] = seconds[seconds.size() / 2];
  object["runs"] = seconds.size();
  object["peak_rss_mb"] = peak_rss_mb();
  for (auto const& [work, rate] :
       {std::pair{"gflop", "gflops"}, std::pair{"frames", "frames_per_second"},
        std::pair{"vectors", "vectors_per_second"}, std::pair{"queries", "queries_per_second"}})
    if (object.contains(work)) object[rate] = object[work].get<double>() / seconds.front();
  if (s.options.json) return print_json(object);
  for (auto const& [key, value] : object.items())
    std::cout << fmt::format("{}: {}\n", key, value.is_string() ? value.get<std::string>() : value.dump());
}

}  // namespace scale::program
