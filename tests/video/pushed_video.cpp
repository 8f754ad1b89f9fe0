// SPDX-License-Identifier: Apache-2.0
#include <scale/video/pushed_video.hpp>

#include "support/thrown.hpp"
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

namespace {

using namespace scale::video;
using testing::contains;
using testing::thrown;

TEST_CASE("pushed_video: frames are copied row by row and counted") {
  frame_size const size{20, 30};
  pushed_video frames(size, 25);
  std::vector<std::uint8_t> pixels(20 * 100);  // rows of 90 bytes, 100 apart
  for (std::size_t t = 0; t < 3; ++t) {
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(100 * t + i);
    frames.push({pixels.data(), 100, size});
  }
  view_options views;
  views.size = 16;
  planned_video const video = std::move(frames).plan(views);
  video_info const& info = video.video.info();
  CHECK(info.frames == 3);
  CHECK(info.fps == 25);
  CHECK(info.size == size);
  CHECK(info.duration == 3 / 25.0);
  CHECK(info.timestamps == std::vector<double>{0, 1 / 25.0, 2 / 25.0});
  for (std::int64_t t = 0; t < 3; ++t) {
    frame_view const frame = video.video.frame(t);
    REQUIRE(frame.size == size);
    bool same = true;
    for (int y = 0; y < 20; ++y)
      for (int i = 0; i < 90; ++i)
        same = same && frame.pixels[y * frame.stride + i] == static_cast<std::uint8_t>(100 * t + 100 * y + i);
    CHECK(same);
  }
}

TEST_CASE("pushed_video: the plan is that of a file with as many frames, and the frames it needs are there") {
  frame_size const size{40, 50};
  std::vector<std::uint8_t> const pixels(std::size_t{3} * 40 * 50);
  pushed_video frames(size, 24);
  for (int t = 0; t < 90; ++t) frames.push({pixels.data(), 150, size});
  view_options views;
  views.size = 32;
  auto const expected = plan_views(90, 24, size, views, 7, 3);
  planned_video const planned = std::move(frames).plan(views, 7, 3);
  REQUIRE(planned.clips.size() == expected.size());
  for (std::size_t c = 0; c < expected.size(); ++c) {
    CHECK(planned.clips[c].indices == expected[c].indices);
    CHECK(planned.clips[c].raw == expected[c].raw);
    for (std::int64_t const index : planned.clips[c].indices) CHECK(planned.video.frame(index).size == size);
  }
}

TEST_CASE("pushed_video: what does not fit is refused, and so is a video without frames") {
  pushed_video frames({4, 4}, 30);
  std::vector<std::uint8_t> const pixels(4 * 5 * 3);
  CHECK(contains(thrown<scale::argument_error>([&] { frames.push({pixels.data(), 15, {4, 5}}); }), "size"));
  CHECK(contains(thrown<scale::argument_error>([] { pushed_video({4, 4}, 0); }), "frame rate"));
  CHECK(contains(thrown<scale::argument_error>([] { pushed_video({0, 4}, 30); }), "pixel"));
  CHECK(contains(thrown<scale::argument_error>([&] { static_cast<void>(std::move(frames).plan({})); }), "frame"));
}

}  // namespace
