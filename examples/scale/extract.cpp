// SPDX-License-Identifier: Apache-2.0
// scale extract: videos to a feature store.
#include <scale/cpu.hpp>
#include <scale/data/feature_store.hpp>
#include <scale/ref.hpp>

#include "scale/extraction.hpp"
#include "scale/outputs.hpp"
#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

namespace scale::program {

namespace {

struct extract_arguments {
  std::string input, shard;
  std::vector<std::string> outs;
  view_arguments views;
};

/// "i/n", i counted from 0 or from 1: n/n is 0/n.
extraction_shard shard_of(std::string const& text) {
  extraction_shard shard;
  char const* const end = text.data() + text.size();
  auto const [slash, first] = std::from_chars(text.data(), end, shard.index);
  bool good = first == std::errc() && slash != end && *slash == '/';
  if (good) {
    auto const [rest, second] = std::from_chars(slash + 1, end, shard.count);
    good = second == std::errc() && rest == end && shard.count >= 1 && shard.index >= 0 && shard.index <= shard.count;
  }
  if (!good) wrong_usage("--shard", "i/n with i from 0 to n", text);
  shard.index %= shard.count;
  return shard;
}

void print_summary(session const& s, extraction_summary const& summary) {
  if (summary.was_complete)  // of this run's own failures progress has told
    for (store_failure const& failure : summary.failures)
      std::cerr << fmt::format("failed: {}: {}\n", failure.name, failure.reason);
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

exit_code extract(session const& s, extract_arguments& a, CLI::App const& command) {
  std::vector<std::filesystem::path> const outs(a.outs.begin(), a.outs.end());
  for (std::filesystem::path const& out : outs) {
    expect_output(out, a.input, "feature store", is_feature_store);
    expect_output(journal_path(out), a.input, "journal of an extraction", is_extraction_journal);
    expect_output(failures_path(out), a.input, "list of failures (JSON lines)", is_json_lines);
  }
  extraction_run run = extraction_run_of(a.views, s);
  if (!a.shard.empty()) run.shard = shard_of(a.shard);
  std::vector<extraction_summary> const summaries = with_backend<element_types::f32_and_bf16>(s, [&]<class T>(auto const& b) {
    return run_extraction<T>(s, b, a.views, command, run, a.input, outs, [](auto const&) {});
  });
  bool stopped = false, failed = false;
  for (extraction_summary const& summary : summaries) {
    if (!summary.stopped) write_failures(summary.store, summary.failures);
    print_summary(s, summary);
    stopped = stopped || summary.stopped;
    failed = failed || !summary.failures.empty();
  }
  return stopped ? exit_code::interrupted : failed ? exit_code::some_failed : exit_code::done;
}

}  // namespace

void add_extract(CLI::App& app, session& s) {
  CLI::App* const command = app.add_subcommand("extract", "turn videos into a store of clip features");
  auto const a = std::make_shared<extract_arguments>();
  command->add_option("INPUT", a->input, "a video, a folder, or a list of videos")->required();
  add_view_options(*command, a->views);
  command->get_option("--backbone")
      ->description(backbone_names() + "; unless given motion_energy; repeat it, --weights and --out for more");
  command->add_option("--shard", a->shard, "i/n: every n-th video only, for scale merge");
  add_repeated(*command, "--out", a->outs,
               "the store to write; until it is complete, OUT.part keeps what was done, and the same command goes on")
      ->required();
  command->callback([&s, a, command] { s.run = [&s, a, command] { return extract(s, *a, *command); }; });
}

}  // namespace scale::program
