// SPDX-License-Identifier: Apache-2.0
// scale extract: videos to a feature store.
#include <scale/data/feature_store.hpp>

#include "scale/backends.hpp"
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

exit_code extract(session const& s, extract_arguments& a, CLI::App const& command) {
  std::vector<std::filesystem::path> const outs(a.outs.begin(), a.outs.end());
  for (std::filesystem::path const& out : outs) {
    expect_output(out, a.input, "feature store", is_feature_store);
    expect_output(journal_path(out), a.input, "journal of an extraction", is_extraction_journal);
    expect_output(failures_path(out), a.input, "list of failures (JSON lines)", is_json_lines);
  }
  extraction_run run = extraction_run_of(a.views, s);
  if (!a.shard.empty()) run.shard = shard_of(a.shard);
  std::vector<extraction_summary> const summaries =
      with_backend<element_types::f32_and_bf16>(s, [&]<class T>(auto const& b) {
        return run_extraction<T>(s, b, a.views, command, run, a.input, outs, [](auto const&) {});
      });
  for (extraction_summary const& summary : summaries) {
    if (summary.was_complete)  // of this run's own failures progress has told
      for (store_failure const& failure : summary.failures)
        std::cerr << fmt::format("failed: {}: {}\n", failure.name, failure.reason);
    report_store(s, summary);
  }
  return exit_code_of(summaries);
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
