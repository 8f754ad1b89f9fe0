// SPDX-License-Identifier: Apache-2.0
// scale extract: videos to a feature store.
#include <scale/cpu.hpp>
#include <scale/data/open_manifest.hpp>
#include <scale/ref.hpp>

#include "scale/live_line.hpp"
#include "scale/view_arguments.hpp"
#include <fmt/format.h>

#include <iostream>
#include <memory>

namespace scale::program {

namespace {

struct extract_arguments {
  std::string input, out;
  view_arguments views;
};

exit_code extract(session const& s, extract_arguments& a, CLI::App const& command) {
  extraction_options const options = extraction_options_of(a.views, command, s);
  manifest_options listing;
  listing.outside = a.views.allow_outside ? outside_paths::allowed : outside_paths::refused;
  manifest const videos = open_manifest(a.input, listing);
  extraction_summary const summary = with_backend(s, [&]<class T>(auto const& b) {
    return with_backbone<T>(b, a.views.backbone, s.options.threads, [&](auto& backbone) {
      live_line line(s);
      extraction_callbacks callbacks;
      callbacks.stop = s.stop;
      callbacks.progress = [&](extraction_progress const& p) {
        if (!p.failure.empty()) line.message("failed: " + p.name + ": " + p.failure);
        double const rate = static_cast<double>(p.done) / p.seconds;
        line.show(fmt::format("{}/{} videos, {} failed, {:.1f} videos/s, {} left", p.done, p.total, p.failed, rate,
                              duration_text(static_cast<double>(p.total - p.done) / rate)),
                  p.done == p.total);
      };
      return extract_features<T>(b, backbone, videos, options, a.out, callbacks);
    });
  });
  if (s.options.json)
    print_json(
        {{"store", a.out}, {"videos", summary.videos}, {"failed", summary.failed}, {"stopped", summary.stopped}});
  else
    std::cout << fmt::format("{}: {} videos stored, {} failed\n", a.out, summary.videos, summary.failed);
  if (summary.stopped) {
    say(s, "stopped: the store holds the videos done so far and lists the others; run the same command again for all");
    return exit_code::interrupted;
  }
  return summary.failed > 0 ? exit_code::some_failed : exit_code::done;
}

}  // namespace

void add_extract(CLI::App& app, session& s) {
  CLI::App* const command = app.add_subcommand("extract", "turn videos into a store of clip features");
  auto const a = std::make_shared<extract_arguments>();
  command->add_option("INPUT", a->input, "a video, a folder, or a list of videos")->required();
  add_view_options(*command, a->views);
  command->add_option("--out", a->out, "the store to write")->required();
  command->callback([&s, a, command] { s.run = [&s, a, command] { return extract(s, *a, *command); }; });
}

}  // namespace scale::program
