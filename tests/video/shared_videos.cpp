// SPDX-License-Identifier: Apache-2.0
// Real and awkward files against what ffprobe 5.1 and torchcodec saw in them. Every difference is in `differences`.
#include <scale/video/reader.hpp>

#include "support/shared_data.hpp"
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace video = scale::video;

namespace {

/// What is expected in place of probe.tsv's row, and why. -1, 0: as in the row.
struct difference {
  std::string_view file;
  std::int64_t frames;
  int width;
  int height;
  double duration;
  std::string_view why;
};

constexpr difference differences[] = {
    {"part_0.mp4", -1, 0, 0, 1.1,
     "its last frame is shown one frame late and so ends at 1.1 s; the header counts 32 frames"},
    {"video/4xm/version1.mp4", -1, 0, 0, 1.0, "the file is cut and has 15 frames; the header names 73 frames' time"},
    {"video/g2m/g2m2.mp4", -1, 0, 0, 9.955, "frames run from 0.047 s to 10.002 s; the header counts from 0"},
    {"video/h264/empty_edit_5s.mp4", 0, 0, 0, 0, "its only key frame is broken: none of its 100 frames is good"},
    {"video/h264/sample-in-issue-505.mp4", -1, 0, 0, 3.5,
     "the last frame starts at 3.4667 s and lasts 1/30 s; the header ends within it"},
    {"video/mpeg2video/sony-ct3.mp4", -1, 0, 0, 0.283333,
     "the last frame has no timestamp and follows the one before; ffprobe's value comes from the packets' times"},
    {"video/rv10/sipr_5k0.mp4", -1, 0, 0, 19.249,
     "the last of 77 frames ends at 19.249 s; the header is one frame longer"},
    {"video/vc1/vc1-wmapro.mp4", -1, 0, 0, 5.000667, "the header ends where the last frame starts"},
    {"video/wmv2/wmv8_x8intra.wmv", -1, 0, 0, 34.199, "the last frame ends at 34.199 s; the header says 35.168 s"},
};

struct probe_row {
  std::string file, codec, pixel_format;
  int width = 0, height = 0, rotation = 0;
  std::int64_t frames = 0;  // 0: none decodes
  double duration = 0;      // 0: not stated
  int errors = 0;
};

std::vector<probe_row> read_rows(std::filesystem::path const& path) {
  std::ifstream file(path);
  REQUIRE(file);
  std::string line;
  std::vector<std::string> names;
  std::vector<probe_row> rows;
  while (std::getline(file, line)) {
    std::vector<std::string> cells;
    std::istringstream cut(line + "\t");
    for (std::string cell; std::getline(cut, cell, '\t');) cells.push_back(cell);
    if (names.empty()) {
      names = cells;
      continue;
    }
    std::map<std::string, std::string> by_name;
    for (std::size_t i = 0; i < (std::min)(names.size(), cells.size()); ++i) by_name[names[i]] = cells[i];
    auto const number = [&](char const* name) { return std::strtod(by_name[name].c_str(), nullptr); };
    probe_row row;
    row.file = by_name["file"];
    row.codec = by_name["codec"];
    row.pixel_format = by_name["pix_fmt"];
    row.width = static_cast<int>(number("w"));
    row.height = static_cast<int>(number("h"));
    row.rotation = (static_cast<int>(-number("rot")) + 360) % 360;
    row.frames = static_cast<std::int64_t>(number("nb_read"));
    row.duration = number("stream_dur");
    row.errors = static_cast<int>(number("n_err"));
    rows.push_back(row);
  }
  return rows;
}

void check_row(std::filesystem::path const& folder, probe_row const& row) {
  CAPTURE(row.file);
  auto const found = std::find_if(std::begin(differences), std::end(differences),
                                  [&](difference const& d) { return d.file == row.file; });
  difference const expected = found != std::end(differences) ? *found : difference{row.file, -1, 0, 0, 0, ""};
  std::int64_t const frames = expected.frames >= 0 ? expected.frames : row.frames;
  video::read_options options;
  options.damaged = video::damaged_videos::allow;
  options.stream = 0;
  video::read_options strict;
  strict.stream = 0;
  if (frames == 0) {
    CHECK_THROWS_AS(video::probe(folder / row.file, options), scale::input_error);
    return;
  }
  // Some files put sound first: then ffprobe's first video stream is the one FFmpeg prefers.
  video::video_info info;
  try {
    info = video::probe(folder / row.file, options);
  } catch (scale::input_error const&) {
    options.stream = strict.stream = -1;
    info = video::probe(folder / row.file, options);
  }
  CHECK(info.frames + info.damaged_frames == frames);
  bool const turned = row.rotation % 180 != 0;
  CHECK(info.size.width == (expected.width > 0 ? expected.width : turned ? row.height : row.width));
  CHECK(info.size.height == (expected.height > 0 ? expected.height : turned ? row.width : row.height));
  CHECK(info.rotation == row.rotation);
  CHECK(info.codec == row.codec);
  CHECK(info.pixel_format == row.pixel_format);
  if (info.errors > 0) {
    CHECK_THROWS_AS(video::probe(folder / row.file, strict), scale::input_error);
    CHECK_FALSE(info.first_error.empty());
  }
  CHECK(info.timestamps.size() == static_cast<std::size_t>(info.frames));
  CHECK(info.duration > 0);
  double const duration = expected.duration > 0 ? expected.duration : row.duration;
  // A file with errors ends before its header's duration.
  if (duration > 0 && (row.errors == 0 || expected.duration > 0))
    CHECK(std::abs(info.duration - duration) < 0.002 + 1e-6 * duration);
  CHECK(info.fps == doctest::Approx(static_cast<double>(info.frames) / info.duration));
  // And every frame can be converted.
  options.short_side = 64;
  auto const all = video::read_all_frames(folder / row.file, options);
  CHECK(static_cast<std::int64_t>(all.indices().size()) == info.frames);
}

void check_times(std::filesystem::path const& folder, char const* name, char const* json, int stream) {
  CAPTURE(json);
  std::ifstream file(folder / json);
  REQUIRE(file);
  auto const frames = nlohmann::json::parse(file);
  video::read_options options;
  options.stream = stream;
  auto const info = video::probe(folder / name, options);
  REQUIRE(info.timestamps.size() == frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i)
    CHECK(std::abs(info.timestamps[i] - std::stod(frames[i].at("pts_time").get<std::string>())) < 1e-6);
}

}  // namespace

TEST_CASE("shared videos: frames, sizes and durations agree with probe.tsv, or the difference is listed") {
  for (char const* const part : {"data/clips", "data/decoder/fate", "data/decoder/decord", "data/decoder/torchcodec"}) {
    auto const folder = testing::shared_data(part);
    if (!folder) return;
    for (auto const& row : read_rows(*folder / "probe.tsv")) check_row(*folder, row);
  }
}

TEST_CASE("shared videos: every timestamp agrees with torchcodec's") {
  auto const folder = testing::shared_data("data/decoder/torchcodec");
  if (!folder) return;
  check_times(*folder, "nasa_13013.mp4", "nasa_13013.mp4.stream0.all_frames_info.json", 0);
  check_times(*folder, "nasa_13013.mp4", "nasa_13013.mp4.stream3.all_frames_info.json", 3);
  check_times(*folder, "nasa_13013.mp4", "nasa_13013.mp4.stream3.all_frames_info.json", -1);  // FFmpeg prefers it
}

TEST_CASE("shared videos: the same frames by seeking as by decoding through") {
  auto const folder = testing::shared_data("data/clips");
  if (!folder) return;
  for (auto const& row : read_rows(*folder / "probe.tsv")) {
    CAPTURE(row.file);
    std::vector<std::int64_t> const wanted{0, row.frames / 2, row.frames - 2, row.frames - 1};
    video::read_options options;
    options.short_side = 128;
    auto const once = video::read_frames(*folder / row.file, wanted, options);
    options.memory_budget = 1;
    auto const choose = [&](video::video_info const&) { return wanted; };
    auto const seeking = video::read_chosen_frames(*folder / row.file, choose, options);
    std::size_t const bytes = video::frame_bytes(once.size());
    for (std::int64_t const i : wanted)
      CHECK(std::equal(once.frame(i).pixels, once.frame(i).pixels + bytes, seeking.frame(i).pixels));
    // Where jumps are tried, they succeed: nothing fell back to decoding through.
    video::detail::video_file const file(*folder / row.file);
    auto const pass = video::detail::count_frames(file, options);
    video::decoded_video jumped(pass.info, pass.size);
    auto convert = pass.converter(*folder / row.file);
    if (pass.table.seekable()) CHECK(video::detail::decode_seeking(file, options, wanted, pass.table, convert, jumped));
  }
}
