// SPDX-License-Identifier: Apache-2.0
// scale extract: videos to a feature store.
#include <scale/cpu.hpp>
#include <scale/data/feature_store.hpp>
#include <scale/ref.hpp>

#include "scale/extraction.hpp"
#include "scale/outputs.hpp"
#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

namespace scale::program {

namespace {

struct extract_arguments {
  std::string input, out;
  view_arguments views;
};

exit_code extract(session const& s, extract_arguments& a, CLI::App const& command) {
  for (char const* const ending : {"", ".partial"})  // where a stopped extraction goes, see extract_features
    expect_output(a.out + ending, a.input, "feature store", is_feature_store);
  extraction_summary const summary = with_backend(s, [&]<class T>(auto const& b) {
    return run_extraction<T>(s, b, a.views, command, a.input, a.out, [](auto const&) {});
  });
  std::string const store = summary.store.string();
  if (s.options.json)
    print_json({{"store", to_utf8(store)},
                {"videos", summary.videos},
                {"failed", summary.failures.size()},
                {"failures", failures_json(summary.failures, "path")},
                {"stopped", summary.stopped}});
  else
    std::cout << fmt::format("{}: {} videos stored, {} failed\n", store, summary.videos, summary.failures.size());
  if (summary.stopped) {
    std::cerr << fmt::format(
        "stopped: {} holds the videos done so far and lists the others{}; run the same command "
        "again for all\n",
        store, store == a.out ? "" : ", " + a.out + " is as it was before");
    return exit_code::interrupted;
  }
  return summary.failures.empty() ? exit_code::done : exit_code::some_failed;
}

}  // namespace

void add_extract(CLI::App& app, session& s) {
  CLI::App* const command = app.add_subcommand("extract", "turn videos into a store of clip features");
  auto const a = std::make_shared<extract_arguments>();
  command->add_option("INPUT", a->input, "a video, a folder, or a list of videos")->required();
  add_view_options(*command, a->views);
  command
      ->add_option("--out", a->out,
                   "the store to write; a stopped extraction leaves an existing one alone and writes OUT.partial")
      ->required();
  command->callback([&s, a, command] { s.run = [&s, a, command] { return extract(s, *a, *command); }; });
}

}  // namespace scale::program
