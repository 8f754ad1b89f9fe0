// SPDX-License-Identifier: Apache-2.0
#pragma once
// The demonstration's page: one HTML file that needs nothing else.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace scale::program {

struct report_curve {
  std::string name;
  std::vector<double> values;  // one per step
};

struct report_row {
  std::string input, method, features;
  double top1 = 0, low = 0, high = 0;  // %
};

struct report_neighbours {
  std::string query;                 // class of the query
  std::vector<std::string> classes;  // of its nearest videos
  std::vector<double> similarities;
};

struct report_picture {
  std::string title;
  int side = 0;
  std::vector<std::vector<std::uint8_t>> frames;  // [side, side, 3] each
};

struct demo_report {
  std::vector<std::string> facts;  // sentences
  std::vector<report_picture> pictures;
  std::vector<report_curve> curves;
  std::vector<report_row> rows;
  std::vector<report_neighbours> neighbours;
};

/// Throws as atomic_file does.
void write_report(std::filesystem::path const& path, demo_report const& report);

}  // namespace scale::program
