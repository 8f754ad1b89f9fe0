// SPDX-License-Identifier: Apache-2.0
#pragma once
// Videos to a feature store, as `scale extract` and `scale embed` do it, and what is said of a store that was written.

#include <scale/data/extract.hpp>
#include <scale/data/open_manifest.hpp>

#include "scale/decoding.hpp"
#include "scale/live_line.hpp"
#include "scale/outputs.hpp"
#include "scale/view_arguments.hpp"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstddef>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

namespace scale::program {

/// "2.5 videos/s, 7 s left".
inline std::string pace_text(extraction_progress const& p) {
  double const rate = static_cast<double>(p.done - p.found) / p.seconds;
  return fmt::format("{:.1f} videos/s, {} left", rate, duration_text(static_cast<double>(p.total - p.done) / rate));
}

inline std::string progress_text(extraction_progress const& p) {
  return fmt::format(
      "{}/{} videos, {} failed, {}; {:.1f} clips/s, {:.0f} frames/s; waiting for videos {:.0f} %, for "
      "backbones {:.0f} %",
      p.done, p.total, p.failed, pace_text(p), static_cast<double>(p.clips) / p.seconds,
      static_cast<double>(p.frames) / p.seconds, 100 * p.waiting_for_videos, 100 * p.waiting_for_backbones);
}

/// The same for programs.
inline std::string progress_json(extraction_progress const& p) {
  double const rate = static_cast<double>(p.done - p.found) / p.seconds;
  return nlohmann::ordered_json{{"done", p.done},
                                {"total", p.total},
                                {"failed", p.failed},
                                {"found", p.found},
                                {"seconds", p.seconds},
                                {"clips_per_second", static_cast<double>(p.clips) / p.seconds},
                                {"frames_per_second", static_cast<double>(p.frames) / p.seconds},
                                {"waiting_for_videos", p.waiting_for_videos},
                                {"waiting_for_backbones", p.waiting_for_backbones},
                                {"seconds_left", static_cast<double>(p.total - p.done) / rate}}
      .dump();
}

/// What was taken from a file of weights, and what was left in it.
inline std::string loading_text(std::string const& file, loading_report const& report) {
  std::string text = fmt::format("{}: {} tensors, named as in {}", file, report.used.size(), report.naming);
  if (!report.group.empty()) text += fmt::format(", from '{}'", printable(report.group));
  auto const list = [&](char const* what, std::vector<std::string> const& names) {
    constexpr std::size_t shown = 6;
    if (names.empty()) return;
    text += fmt::format("; {} {}:", names.size(), what);
    for (std::size_t i = 0; i < names.size() && i < shown; ++i) text += " " + printable(names[i]);
    if (names.size() > shown) text += " ...";
  };
  list("beside the network", report.surplus);
  list("unused, as allowed", report.unused);
  list("missing, as allowed", report.missing);
  return text;
}

/// Extracts INPUT to `outs`, one store per backbone, with progress on standard error. check(backbone) is called before
/// any video is decoded.
template <class T, class B, class F>
std::vector<extraction_summary> run_extraction(session const& s, B const& b, view_arguments const& a,
                                               CLI::App const& command, extraction_run const& run,
                                               std::string const& input, std::vector<std::filesystem::path> const& outs,
                                               F const& check) {
  std::vector<backbone_choice> const choices = choices_of(a, command);
  if (outs.size() != choices.size())
    wrong_usage("--out", "a store for each of the " + std::to_string(choices.size()) + " backbones",
                std::to_string(outs.size()));
  std::vector<extraction_options> options;  // all are checked before weights are read
  for (backbone_choice const& choice : choices) options.push_back(extraction_options_of(a, choice, command, s));
  manifest_options listing;
  listing.root = a.root;
  listing.outside = a.allow_outside ? outside_paths::allowed : outside_paths::refused;
  manifest const videos = open_manifest(input, listing);
  live_line line(s);
  std::vector<loaded_backbone<T, B>> backbones;
  std::vector<extraction_job> jobs;
  backbones.reserve(choices.size());  // jobs refer to them
  for (std::size_t i = 0; i < choices.size(); ++i) {
    auto& backbone = backbones.emplace_back(load_backbone<T>(b, choices[i], s.options.threads));
    if (backbone.loading() != nullptr) line.note(loading_text(choices[i].weights, *backbone.loading()));
    check(backbone);
    jobs.push_back(make_extraction_job<T>(b, backbone, options[i], run, outs[i]));
  }
  extraction_callbacks callbacks;
  callbacks.stop = s.stop;
  callbacks.progress = [&](extraction_progress const& p) {
    if (!p.failure.empty()) line.message("failed: " + p.name + ": " + p.failure);
    line.show(s.options.json ? progress_json(p) : progress_text(p), p.done == p.total);
  };
  extraction_run reading = run;
  if (a.no_sandbox)
    line.note("videos are decoded in this process, without a sandbox (--no-sandbox)");
  else
    reading.read = start_sandbox();
  return extract_features(jobs, videos, reading, callbacks);
}

/// Writes the list of failures beside a store, and says what became of it. Of a run that was stopped there is no store,
/// and no list.
inline void report_store(session const& s, extraction_summary const& summary) {
  if (!summary.stopped) write_failures(summary.store, summary.failures);
  std::string const store = summary.store.string();
  if (s.options.json)
    print_json({{"store", to_utf8(store)},
                {"videos", summary.videos},
                {"failed", summary.failures.size()},
                {"failures", failures_json(summary.failures, "path")},
                {"stopped", summary.stopped},
                {"was_complete", summary.was_complete}});
  else if (!summary.stopped)
    std::cout << fmt::format("{}: {} videos stored, {} failed{}\n", store, summary.videos, summary.failures.size(),
                             summary.was_complete ? "; it was complete before" : "");
  if (summary.stopped)
    std::cerr << fmt::format("stopped: {} keeps the {} videos done so far; run the same command again to go on\n",
                             journal_path(summary.store).string(), summary.videos);
}

inline exit_code exit_code_of(std::vector<extraction_summary> const& summaries) {
  bool stopped = false, failed = false;
  for (extraction_summary const& summary : summaries) {
    stopped = stopped || summary.stopped;
    failed = failed || !summary.failures.empty();
  }
  return stopped ? exit_code::interrupted : failed ? exit_code::some_failed : exit_code::done;
}

}  // namespace scale::program
