// SPDX-License-Identifier: Apache-2.0
// scale bench decode: all frames of videos.
#include <scale/data/open_manifest.hpp>
#include <scale/video/reader.hpp>
#include <scale/video/resize.hpp>

#include "scale/bench/report.hpp"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace scale::program {

namespace {

/// Every frame of every video: decoded, brought to a short side of 256, its centre of 224 x 224 copied out. One
/// thread, one frame in memory.
void bench_decode(session const& s, std::string const& path, index_t runs) {
  manifest const videos = open_manifest(path);
  std::vector<double> seconds;
  std::int64_t frames = 0;
  std::vector<std::uint8_t> crop(std::size_t{3} * 224 * 224);
  video::read_options options;
  options.damaged = video::damaged_videos::allow;
  options.stop = s.stop;
  for (index_t run = 0; run < runs; ++run) {
    auto const begin = bench_clock::now();
    frames = 0;
    for (manifest_entry const& entry : videos.entries) {
      video::for_each_frame(entry.file, options, [&](video::frame_view const& frame, std::int64_t) {
        std::ptrdiff_t const top = (frame.size.height - 224) / 2, left = (frame.size.width - 224) / 2;
        for (std::ptrdiff_t y = 0; y < 224; ++y)
          std::memcpy(crop.data() + y * 3 * 224, frame.pixels + (top + y) * frame.stride + 3 * left, 3 * 224);
        ++frames;
      });
    }
    seconds.push_back(seconds_since(begin));
  }
  report(s,
         {{"bench", "decode"}, {"path", path}, {"videos", videos.entries.size()}, {"frames", frames}, {"threads", 1}},
         seconds);
}

}  // namespace

void add_bench_decode(CLI::App& bench, session& s) {
  CLI::App* const command =
      bench.add_subcommand("decode", "decoding, resizing and cropping of all frames, on one thread");
  auto const path = std::make_shared<std::string>();
  auto const runs = std::make_shared<index_t>(3);
  command->add_option("PATH", *path, "a video, folder or list")->required();
  command->add_option("--runs", *runs, "")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  command->callback([&s, path, runs] {
    s.run = [&s, path, runs] {
      bench_decode(s, *path, *runs);
      return exit_code::done;
    };
  });
}

}  // namespace scale::program
