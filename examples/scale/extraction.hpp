// SPDX-License-Identifier: Apache-2.0
#pragma once
// Videos to a feature store, as `scale extract` and `scale embed` do it.

#include <scale/data/extract.hpp>
#include <scale/data/open_manifest.hpp>

#include "scale/live_line.hpp"
#include "scale/view_arguments.hpp"
#include <fmt/format.h>

#include <filesystem>
#include <string>

namespace scale::program {

/// "2.5 videos/s, 7 s left".
inline std::string pace_text(extraction_progress const& p) {
  double const rate = static_cast<double>(p.done) / p.seconds;
  return fmt::format("{:.1f} videos/s, {} left", rate, duration_text(static_cast<double>(p.total - p.done) / rate));
}

/// Extracts INPUT to `out`, with progress on standard error. check(backbone) is called before any video is decoded.
template <class T, class B, class F>
extraction_summary run_extraction(session const& s, B const& b, view_arguments& a, CLI::App const& command,
                                  std::string const& input, std::filesystem::path const& out, F const& check) {
  extraction_options const options = extraction_options_of(a, command, s);
  manifest_options listing;
  listing.outside = a.allow_outside ? outside_paths::allowed : outside_paths::refused;
  manifest const videos = open_manifest(input, listing);
  return with_backbone<T>(b, a.backbone, s.options.threads, [&](auto& backbone) {
    check(backbone);
    live_line line(s);
    extraction_callbacks callbacks;
    callbacks.stop = s.stop;
    callbacks.progress = [&](extraction_progress const& p) {
      if (!p.failure.empty()) line.message("failed: " + p.name + ": " + p.failure);
      line.show(fmt::format("{}/{} videos, {} failed, {}", p.done, p.total, p.failed, pace_text(p)), p.done == p.total);
    };
    return extract_features<T>(b, backbone, videos, options, out, callbacks);
  });
}

}  // namespace scale::program
