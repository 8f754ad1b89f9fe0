// SPDX-License-Identifier: Apache-2.0
// Colours against the formulas of the standards, in double.
#include <scale/video/reader.hpp>
#include <scale/video/writer.hpp>

#include "video/generated_video.hpp"
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace video = scale::video;
namespace detail = scale::video::detail;
using video::frame_size;

namespace {

/// A sample of plane `p` at a place between samples, bilinear, the border repeated.
double sample(AVFrame const& frame, int p, frame_size size, double y, double x) {
  y = std::clamp(y, 0.0, size.height - 1.0);
  x = std::clamp(x, 0.0, size.width - 1.0);
  int const y0 = static_cast<int>(y), x0 = static_cast<int>(x);
  int const y1 = (std::min)(y0 + 1, size.height - 1), x1 = (std::min)(x0 + 1, size.width - 1);
  auto const at = [&](int i, int j) { return static_cast<double>(frame.data[p][i * frame.linesize[p] + j]); };
  double const fy = y - y0, fx = x - x0;
  return (1 - fy) * ((1 - fx) * at(y0, x0) + fx * at(y0, x1)) + fy * ((1 - fx) * at(y1, x0) + fx * at(y1, x1));
}

/// RGB of a limited range BT.601 pixel of 4:2:0, chroma samples in the middle of four pixels.
std::array<double, 3> exact_rgb(AVFrame const& frame, int y, int x) {
  frame_size const chroma{(frame.height + 1) / 2, (frame.width + 1) / 2};
  double const luma = (frame.data[0][y * frame.linesize[0] + x] - 16) * 255 / 219.0;
  double const cy = (y + 0.5) / 2 - 0.5, cx = (x + 0.5) / 2 - 0.5;
  double const u = (sample(frame, 1, chroma, cy, cx) - 128) * 255 / 224.0;
  double const v = (sample(frame, 2, chroma, cy, cx) - 128) * 255 / 224.0;
  double const kr = 0.299, kb = 0.114, kg = 1 - kr - kb;
  return {luma + 2 * (1 - kr) * v, luma - 2 * kb * (1 - kb) / kg * u - 2 * kr * (1 - kr) / kg * v,
          luma + 2 * (1 - kb) * u};
}

detail::frame_ptr make_frame(AVPixelFormat format, frame_size size) {
  detail::frame_ptr frame(av_frame_alloc());
  frame->format = format;
  frame->width = size.width;
  frame->height = size.height;
  REQUIRE(av_frame_get_buffer(frame.get(), 64) == 0);
  return frame;
}

std::array<int, 3> first_pixel(detail::frame_converter& convert, AVFrame const& frame) {
  std::vector<std::uint8_t> out(video::frame_bytes(convert.size()));
  convert(frame, out.data());
  return {out[0], out[1], out[2]};
}

}  // namespace

TEST_CASE("frame_converter: 4:2:0 is within a level of bilinear chroma in double where nothing is resized") {
  testing::scratch_folder const folder;
  frame_size const size{64, 96};
  video::write_options options;
  options.codec = "ffv1";
  auto const path = folder / "a.mkv";
  {
    video::video_writer writer(path, size, options);
    for (unsigned t = 0; t < 4; ++t) {
      std::vector<std::uint8_t> pixels(video::frame_bytes(size));
      for (std::size_t i = 0; i < pixels.size(); ++i) {  // blocks of 3x3 pixels of any colour
        auto const block = static_cast<unsigned>((i / (3 * 96) / 3 * 32 + i / 3 % 96 / 3) * 3 + i % 3);
        pixels[i] = static_cast<std::uint8_t>(((block + 1 + 7919 * t) * 2654435761u) >> 24);
      }
      writer.write(testing::view_of(pixels, size));
    }
    writer.finish();
  }
  video::read_options read;
  read.short_side = 64;
  auto const all = video::read_all_frames(path, read);
  REQUIRE(all.size() == size);
  detail::video_file const file(path);
  auto source = detail::open_source(file, read);
  double worst = 0;
  for (std::int64_t t = 0; AVFrame const* const frame = source.next(); ++t)
    for (int y = 0; y < size.height; ++y)
      for (int x = 0; x < size.width; ++x) {
        auto const rgb = exact_rgb(*frame, y, x);
        auto const* const pixel = all.frame(t).pixels + 3 * (y * size.width + x);
        for (std::size_t c = 0; c < 3; ++c)
          worst = (std::max)(worst, std::abs(std::round(std::clamp(rgb[c], 0.0, 255.0)) - pixel[c]));
      }
  MESSAGE("worst ", worst);
  CHECK(worst <= 1);
}

TEST_CASE("frame_converter: each of the eight ways to turn") {
  frame_size const size{6, 10};
  auto const frame = make_frame(AV_PIX_FMT_RGB24, size);
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x)
      for (int c = 0; c < 3; ++c)
        frame->data[0][y * frame->linesize[0] + 3 * x + c] = static_cast<std::uint8_t>(80 * c + 10 * y + x);
  for (int way = 0; way < 8; ++way) {
    CAPTURE(way);
    detail::orientation const turn{(way & 1) != 0, (way & 2) != 0, (way & 4) != 0};
    frame_size const shown = turn.transpose ? frame_size{size.width, size.height} : size;
    detail::frame_converter convert("a file", shown, {size, turn});
    std::vector<std::uint8_t> out(video::frame_bytes(shown));
    convert(*frame, out.data());
    for (int y = 0; y < shown.height; ++y)
      for (int x = 0; x < shown.width; ++x)
        for (int c = 0; c < 3; ++c) {
          int const v = turn.mirror_y ? shown.height - 1 - y : y, u = turn.mirror_x ? shown.width - 1 - x : x;
          int const expected = 80 * c + (turn.transpose ? 10 * u + v : 10 * v + u);
          REQUIRE(out[static_cast<std::size_t>(3 * (y * shown.width + x) + c)] == expected);
        }
  }
}

TEST_CASE("frame_converter: the first frame decides about the matrix of those that state none") {
  auto const small = make_frame(AV_PIX_FMT_YUV444P, {16, 16});
  auto const fill = [](AVFrame& frame) {
    constexpr std::array<std::uint8_t, 3> yuv{81, 90, 240};  // red, by BT.601
    for (std::size_t p = 0; p < 3; ++p) std::fill_n(frame.data[p], frame.linesize[p] * frame.height, yuv[p]);
  };
  fill(*small);
  auto const large = make_frame(AV_PIX_FMT_YUV444P, {720, 16});
  fill(*large);
  detail::first_frame const begins_small{{16, 16}, {}, detail::default_matrix(*small)};
  detail::first_frame const begins_large{{720, 16}, {}, detail::default_matrix(*large)};
  detail::frame_converter by_601("a file", {16, 16}, begins_small);
  detail::frame_converter by_709("a file", {16, 16}, begins_large);
  auto const red = first_pixel(by_601, *small);
  CHECK(red[0] >= 253);
  CHECK(red[1] <= 2);
  CHECK(red[2] <= 2);
  CHECK(first_pixel(by_601, *large) == red);
  CHECK(first_pixel(by_709, *small) != red);
  CHECK(first_pixel(by_709, *small) == first_pixel(by_709, *large));
  small->colorspace = AVCOL_SPC_SMPTE170M;  // stated
  CHECK(first_pixel(by_709, *small) == red);
  small->colorspace = AVCOL_SPC_ICTCP;
  CHECK_THROWS_AS(first_pixel(by_601, *small), scale::input_error);
  CHECK(detail::matrix_name(*small, SWS_CS_ITU601) == "ictcp");
}

TEST_CASE("frame_converter: grey is of full range unless it states otherwise, other formats of limited range") {
  struct example {
    AVPixelFormat format;
    AVColorRange range;
    int value;
    int shown;
  };
  for (auto const& e :
       {example{AV_PIX_FMT_GRAY8, AVCOL_RANGE_UNSPECIFIED, 100, 100},
        example{AV_PIX_FMT_GRAY8, AVCOL_RANGE_JPEG, 100, 100}, example{AV_PIX_FMT_GRAY8, AVCOL_RANGE_MPEG, 100, 98},
        example{AV_PIX_FMT_GRAY10LE, AVCOL_RANGE_UNSPECIFIED, 400, 100},
        example{AV_PIX_FMT_YUV444P, AVCOL_RANGE_UNSPECIFIED, 100, 98},
        example{AV_PIX_FMT_YUVJ444P, AVCOL_RANGE_UNSPECIFIED, 100, 100}}) {
    CAPTURE(e.format);
    CAPTURE(e.range);
    auto const frame = make_frame(e.format, {16, 16});
    frame->color_range = e.range;
    bool const wide = e.format == AV_PIX_FMT_GRAY10LE;
    for (int i = 0; i < frame->linesize[0] * 16; ++i)
      frame->data[0][i] = static_cast<std::uint8_t>(wide && i % 2 != 0 ? e.value >> 8 : e.value & 255);
    for (int p = 1; p < 3 && frame->data[p] != nullptr; ++p)
      std::fill_n(frame->data[p], frame->linesize[p] * 16, std::uint8_t{128});
    detail::frame_converter convert("a file", {16, 16}, {{16, 16}, {}});
    for (int const channel : first_pixel(convert, *frame)) CHECK(std::abs(channel - e.shown) <= 1);
  }
}

TEST_CASE("frame_table: no jumps in a video with a palette") {
  auto const frame = make_frame(AV_PIX_FMT_YUV420P, {16, 16});
  auto const coloured = make_frame(AV_PIX_FMT_PAL8, {16, 16});
  detail::frame_table table;
  frame->best_effort_timestamp = 0;
  table.add(*frame);
  CHECK(table.seekable());
  coloured->best_effort_timestamp = 1;
  table.add(*coloured);
  frame->best_effort_timestamp = 2;
  table.add(*frame);
  CHECK_FALSE(table.seekable());
}
