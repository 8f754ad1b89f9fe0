// SPDX-License-Identifier: Apache-2.0
#pragma once
// The demonstration's page: one HTML file that needs nothing else. Texts are plain; the page escapes them.

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace scale::program {

struct report_curve {
  std::string name;
  std::vector<double> values;  // one per step
};

/// Top-1 in % with its 95 % interval.
struct report_figure {
  double top1 = 0, low = 0, high = 0;
};

struct report_row {
  std::string classifier, sees;
  std::vector<report_figure> figures;  // one per input
};

/// RGB [side, side, 3] each.
struct report_picture {
  std::string title;
  int side = 0;
  std::vector<std::vector<std::uint8_t>> frames;
};

struct report_neighbour {
  std::string title;
  double similarity = 0;
};

struct report_query {
  std::string title;
  std::vector<report_neighbour> nearest;
};

struct demo_report {
  std::string summary;                                        // what came out, in a sentence or two
  std::vector<std::pair<std::string, std::string>> settings;  // name, value
  std::vector<report_picture> pictures;
  std::vector<report_curve> curves;
  std::vector<std::string> inputs;  // heads of the table's columns
  std::vector<report_row> rows;
  double chance = 0;  // %
  std::vector<report_query> queries;
};

/// Throws as atomic_file does.
void write_report(std::filesystem::path const& path, demo_report const& report);

}  // namespace scale::program
