// SPDX-License-Identifier: Apache-2.0
#include <scale/video/reader.hpp>
#include <scale/video/writer.hpp>

#include "video/generated_video.hpp"
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <fstream>
#include <numeric>
#include <stop_token>
#include <thread>

namespace video = scale::video;
using video::frame_size;

namespace {

void check_numbers(video::decoded_video const& v) {
  for (std::int64_t const index : v.indices()) {
    CAPTURE(index);
    REQUIRE(testing::number_of(v.frame(index)) == index);
  }
}

bool same_pixels(video::decoded_video const& a, video::decoded_video const& b) {
  REQUIRE(std::equal(a.indices().begin(), a.indices().end(), b.indices().begin(), b.indices().end()));
  auto const bytes = static_cast<std::size_t>(3 * a.size().height * a.size().width);
  return a.size() == b.size() && std::all_of(a.indices().begin(), a.indices().end(), [&](std::int64_t i) {
           return std::equal(a.frame(i).pixels, a.frame(i).pixels + bytes, b.frame(i).pixels);
         });
}

void cut(std::filesystem::path const& from, std::filesystem::path const& to, double fraction) {
  std::filesystem::copy_file(from, to);
  std::filesystem::resize_file(
      to, static_cast<std::uintmax_t>(static_cast<double>(std::filesystem::file_size(from)) * fraction));
}

/// Where the packets of a file's first stream begin, in the order of the file.
std::vector<std::int64_t> packet_places(std::filesystem::path const& path) {
  video::detail::video_file const file(path);
  video::detail::file_input const input(file, video::read_options());
  video::detail::packet_ptr const packet(av_packet_alloc());
  std::vector<std::int64_t> places;
  while (av_read_frame(&*input, packet.get()) >= 0) {
    places.push_back(packet->pos);
    av_packet_unref(packet.get());
  }
  return places;
}

/// The text of the input_error that `f` throws; empty where it throws none.
template <class F>
std::string thrown_text(F&& f) {
  try {
    f();
  } catch (scale::input_error const& e) {
    return e.what();
  }
  return {};
}

video::read_options allowing_damage() {
  video::read_options options;
  options.damaged = video::damaged_videos::allow;
  return options;
}

}  // namespace

TEST_CASE("reader: every frame, in order, whatever the codec, format and size") {
  struct made {
    char const* file;
    char const* codec;
    char const* pixel_format;
    frame_size size;
    int b_frames;
  };
  std::array<made, 11> const all{{
      {"b.mp4", "", "yuv420p", {64, 80}, 3},
      {"422.mp4", "libx264", "yuv422p", {64, 80}, 2},
      {"444.mkv", "libx264", "yuv444p", {53, 75}, 2},
      {"10.mp4", "libx264", "yuv420p10le", {64, 80}, 2},
      {"422-10.mkv", "libx264", "yuv422p10le", {48, 60}, 0},
      {"rgb.mkv", "libx264rgb", "rgb24", {51, 85}, 2},
      {"p2.avi", "mpeg4", "yuv420p", {64, 80}, 0},
      {"p2b.mp4", "mpeg4", "yuv420p", {64, 80}, 2},
      {"odd.mkv", "ffv1", "yuv420p", {51, 77}, 0},
      {"12.mkv", "ffv1", "yuv420p12le", {52, 75}, 0},
      {"bgr.mkv", "ffv1", "bgr0", {52, 75}, 0},
  }};
  testing::scratch_folder const folder;
  for (auto const& m : all) {
    CAPTURE(m.file);
    video::write_options options;
    options.codec = m.codec;
    options.pixel_format = m.pixel_format;
    options.b_frames = m.b_frames;
    options.quality = options.codec == "libx264" || options.codec.empty() ? 12 : 3;
    options.keyframe_interval = 12;
    if (!testing::write_numbered(folder / m.file, 50, m.size, options)) continue;
    video::read_options read;
    read.short_side = 64;
    auto const v = video::read_all_frames(folder / m.file, read);
    CHECK(v.info().frames == 50);
    CHECK(v.info().size == m.size);
    CHECK(v.size() == video::working_size(m.size, 64));
    CHECK(v.info().errors == 0);
    CHECK(v.info().fps == doctest::Approx(30).epsilon(1e-3));
    CHECK(v.info().duration == doctest::Approx(50 / 30.0).epsilon(1e-3));
    check_numbers(v);
    CHECK(video::probe(folder / m.file).timestamps == v.info().timestamps);
  }
}

TEST_CASE("reader: variable frame rate keeps every frame and its time") {
  testing::scratch_folder const folder;
  std::vector<std::int64_t> ticks{0};
  while (ticks.size() < 60) ticks.push_back(ticks.back() + 1 + static_cast<std::int64_t>(ticks.size() % 4) * 3);
  video::write_options options;
  options.fps_numerator = 120;
  options.b_frames = 2;
  REQUIRE(testing::write_numbered(folder / "vfr.mkv", 60, {64, 80}, options, ticks));
  auto const v = video::read_all_frames(folder / "vfr.mkv");
  REQUIRE(v.info().frames == 60);
  check_numbers(v);
  for (std::size_t i = 0; i < ticks.size(); ++i)
    CHECK(std::abs(v.info().timestamps[i] - static_cast<double>(ticks[i]) / 120) < 0.6e-3);  // Matroska: whole ms
  CHECK(std::abs(v.info().duration - static_cast<double>(ticks.back() + 1) / 120) < 2e-3);
  CHECK(v.info().fps == doctest::Approx(60 / v.info().duration));
}

TEST_CASE("reader: rotation is applied") {
  testing::scratch_folder const folder;
  frame_size const size{64, 96};
  // Red at the top left corner, green at the top right.
  std::vector<std::uint8_t> pixels(3 * 64 * 96, 128);
  for (int y = 0; y < 32; ++y)
    for (int x = 0; x < 96; ++x) {
      auto* const p = &pixels[static_cast<std::size_t>(3 * (y * 96 + x))];
      p[0] = x < 48 ? 255 : 0;
      p[1] = x < 48 ? 0 : 255;
      p[2] = 0;
    }
  for (int const turn : {0, 90, 180, 270}) {
    CAPTURE(turn);
    auto const path = folder / (std::to_string(turn) + ".mp4");
    video::write_options options;
    options.rotation = turn;
    video::video_writer writer(path, size, options);
    for (int i = 0; i < 3; ++i) writer.write(testing::view_of(pixels, size));
    writer.finish();
    video::read_options read;
    read.short_side = 64;
    auto const v = video::read_all_frames(path, read);
    CHECK(v.info().rotation == turn);
    CHECK_FALSE(v.info().mirrored);
    CHECK(v.size() == (turn % 180 == 0 ? size : frame_size{96, 64}));
    auto const f = v.frame(1);
    auto const corner = [&](int k) {  // clockwise from the top left
      int const y = k < 2 ? 4 : f.size.height - 5;
      int const x = k == 0 || k == 3 ? 4 : f.size.width - 5;
      return f.pixels + y * f.stride + 3 * x;
    };
    CHECK(corner(turn / 90)[0] > 180);
    CHECK(corner(turn / 90)[1] < 80);
    CHECK(corner((turn / 90 + 1) % 4)[1] > 180);
    CHECK(corner((turn / 90 + 1) % 4)[0] < 80);
  }
}

TEST_CASE("reader: matrix and range") {
  testing::scratch_folder const folder;
  for (int const height : {64, 720}) {
    frame_size const size{height, 64};
    std::array<std::array<int, 3>, 5> const colours{
        {{230, 20, 20}, {20, 230, 20}, {20, 20, 230}, {255, 255, 255}, {0, 0, 0}}};
    auto const path = folder / (std::to_string(height) + ".mp4");
    video::write_options options;
    options.quality = 4;
    video::video_writer writer(path, size, options);
    for (auto const& c : colours) {
      std::vector<std::uint8_t> pixels(static_cast<std::size_t>(3 * height * 64));
      for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(c[i % 3]);
      writer.write(testing::view_of(pixels, size));
    }
    writer.finish();
    video::read_options read;
    read.short_side = 64;
    auto const v = video::read_all_frames(path, read);
    CHECK(v.info().colour_matrix == (height == 720 ? "bt709" : "bt601"));
    CHECK_FALSE(v.info().full_range);
    for (std::size_t i = 0; i < colours.size(); ++i) {
      auto const f = v.frame(static_cast<std::int64_t>(i));
      for (std::size_t c = 0; c < 3; ++c)
        CHECK(std::abs(f.pixels[32 * f.stride + 3 * 32 + static_cast<std::ptrdiff_t>(c)] - colours[i][c]) <= 5);
    }
  }
}

TEST_CASE("reader: the same frames in one pass, by decoding through, by seeking") {
  testing::scratch_folder const folder;
  for (char const* const name : {"a.mp4", "a.mkv", "a.avi"}) {
    CAPTURE(name);
    video::write_options options;
    options.keyframe_interval = 24;
    options.b_frames = std::string(name) == "a.avi" ? 0 : 3;
    REQUIRE(testing::write_numbered(folder / name, 400, {48, 64}, options));
    std::vector<std::int64_t> const wanted{0, 3, 23, 24, 25, 160, 161, 300, 398, 399};
    video::read_options read;
    read.short_side = 48;
    auto once = video::read_frames(folder / name, wanted, read);
    check_numbers(once);
    auto const choose = [&](video::video_info const&) { return wanted; };
    auto kept = video::read_chosen_frames(folder / name, choose, read);
    CHECK(same_pixels(once, kept));
    std::size_t n = 0;
    auto const info = video::for_each_frame(folder / name, read, [&](video::frame_view const& f, std::int64_t index) {
      REQUIRE(testing::number_of(f) == index);
      if (n == wanted.size() || wanted[n] != index) return;
      CHECK(std::equal(f.pixels, f.pixels + video::frame_bytes(f.size), once.frame(index).pixels));
      ++n;
    });
    CHECK(info.frames == 400);
    CHECK(n == wanted.size());
    read.memory_budget = 1;
    read.access = video::frame_access::decode_through;
    auto through = video::read_chosen_frames(folder / name, choose, read);
    CHECK(same_pixels(once, through));
    read.access = video::frame_access::seek;
    auto seeking = video::read_chosen_frames(folder / name, choose, read);
    CHECK(same_pixels(once, seeking));

    // And the jumps do happen: without the way back to decoding through.
    video::detail::video_file const file(folder / name);
    auto const pass = video::detail::count_frames(file, read);
    CHECK(pass.table.seekable());
    video::decoded_video jumped(pass.info, once.size());
    auto convert = pass.converter(folder / name);
    CHECK(video::detail::decode_seeking(file, read, wanted, pass.table, convert, jumped));
    CHECK(same_pixels(once, jumped));
  }
}

TEST_CASE("reader: an hour of frames in bounded memory") {
  testing::scratch_folder const folder;
  auto const path = folder / "hour.mp4";
  video::write_options options;
  options.codec = "mpeg4";
  options.quality = 5;
  options.keyframe_interval = 100;
  constexpr std::int64_t frames = 108000;
  REQUIRE(testing::write_numbered(path, frames, {32, 40}, options));
  auto const begin = std::chrono::steady_clock::now();
  auto const peak_mb = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
  };
  [[maybe_unused]] auto const before = peak_mb();
  video::read_options read;
  read.short_side = 64;
  read.memory_budget = 1 << 20;
  auto const v = video::read_chosen_frames(
      path,
      [](video::video_info const& info) {
        std::vector<std::int64_t> wanted;
        for (std::int64_t i = 0; i < 64; ++i) wanted.push_back(i * (info.frames - 1) / 63);
        return wanted;
      },
      read);
  auto const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  CHECK(v.info().frames == frames);
  CHECK(v.info().duration == doctest::Approx(3600).epsilon(1e-6));
  check_numbers(v);
  MESSAGE("108,000 frames of 40x32 in ", seconds, " s");
#if !defined(__SANITIZE_ADDRESS__)  // which holds freed memory back
  CHECK(peak_mb() < before + 64);   // all frames are 1659 MB
#endif
}

TEST_CASE("reader: damaged, cut and foreign files are refused with a reason") {
  testing::scratch_folder const folder;
  video::write_options options;
  options.keyframe_interval = 10;
  for (char const* const name : {"whole.mp4", "whole.mkv", "whole.avi"})
    REQUIRE(testing::write_numbered(folder / name, 120, {64, 80}, options));

  SUBCASE("cut short") {
    for (char const* const kind : {"mp4", "mkv", "avi"})
      for (double const fraction : {0.99, 0.6, 0.3, 0.01}) {
        CAPTURE(kind);
        CAPTURE(fraction);
        auto const path = folder / ("cut" + std::to_string(fraction) + "." + kind);
        cut(folder / ("whole." + std::string(kind)), path, fraction);
        CHECK_THROWS_AS(video::probe(path), scale::input_error);
        CHECK_THROWS_AS(video::read_all_frames(path), scale::input_error);
      }
    cut(folder / "whole.mkv", folder / "part.mkv", 0.6);
    auto const v = video::read_all_frames(folder / "part.mkv", allowing_damage());
    CHECK(v.info().frames > 20);
    CHECK(v.info().frames < 120);
    CHECK(v.info().errors > 0);
    check_numbers(v);
  }
  SUBCASE("bytes changed in the middle") {
    std::filesystem::copy_file(folder / "whole.mkv", folder / "bad.mkv");
    auto const size = static_cast<std::streamoff>(std::filesystem::file_size(folder / "bad.mkv"));
    {
      std::fstream file(folder / "bad.mkv", std::ios::binary | std::ios::in | std::ios::out);
      for (std::streamoff at = size / 3; at < size / 2; at += 7) {
        file.seekp(at);
        file.put('\x5A');
      }
    }
    CHECK_THROWS_AS(video::probe(folder / "bad.mkv"), scale::input_error);
    auto const info = video::probe(folder / "bad.mkv", allowing_damage());
    CHECK(info.frames > 20);
    CHECK(info.frames < 120);
    CHECK(info.errors > 0);
    CHECK_FALSE(info.first_error.empty());
  }
  SUBCASE("no video at all") {
    std::ofstream(folder / "empty.mp4").flush();
    std::ofstream(folder / "text.mp4") << std::string(5000, 'x');
    // A playlist must not make the reader open another file.
    std::ofstream(folder / "list.m3u8") << "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nwhole.mp4\n#EXT-X-ENDLIST\n";
    std::ofstream(folder / "concat.txt") << "ffconcat version 1.0\nfile whole.mp4\n";
    for (char const* const name : {"empty.mp4", "text.mp4", "list.m3u8", "concat.txt", "absent.mp4", "."}) {
      CAPTURE(name);
      CHECK_THROWS_AS(video::probe(folder / name), scale::input_error);
    }
  }
}

TEST_CASE("reader: a session description opens no socket") {
  testing::scratch_folder const folder;
  std::ofstream(folder / "sdp.mp4") << "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                                       "m=video 45678 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
  // Where its sockets are opened, the reader waits for packets until it is stopped.
  std::stop_source stop;
  std::jthread const clock([&](std::stop_token done) {
    for (int i = 0; i < 200 && !done.stop_requested(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    stop.request_stop();
  });
  video::read_options options;
  options.stop = stop.get_token();
  CHECK_THROWS_AS(video::probe(folder / "sdp.mp4", options), scale::input_error);
}

TEST_CASE("reader: frames that damage may have reached are not good") {
  testing::scratch_folder const folder;
  for (int const b_frames : {0, 3}) {
    CAPTURE(b_frames);
    std::string const name = std::to_string(b_frames) + ".mp4";
    video::write_options options;
    options.keyframe_interval = 25;
    options.b_frames = b_frames;
    REQUIRE(testing::write_numbered(folder / name, 200, {64, 80}, options));
    auto const whole = video::read_all_frames(folder / name);
    std::vector<std::int64_t> const places = packet_places(folder / name);
    for (std::size_t const packet : {30u, 51u, 130u}) {  // 51: while the key frame before it waits to be shown
      CAPTURE(packet);
      std::filesystem::copy_file(folder / name, folder / "bad", std::filesystem::copy_options::overwrite_existing);
      {
        std::fstream file(folder / "bad", std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(places[packet] + 4);
        file << std::string(8, '\xFF');
      }
      auto const bad = video::read_all_frames(folder / "bad", allowing_damage());
      CHECK(bad.info().errors > 0);
      CHECK(bad.info().frames < 200 - 3);
      CHECK(bad.info().frames >= 200 - 2 * 25);
      CHECK(bad.info().frames + bad.info().damaged_frames >= 198);
      auto const& times = whole.info().timestamps;
      for (std::int64_t i = 0; i < bad.info().frames; ++i) {
        auto const at = std::find(times.begin(), times.end(), bad.info().timestamps[static_cast<std::size_t>(i)]);
        REQUIRE(at != times.end());
        auto const* const pixels = whole.frame(at - times.begin()).pixels;
        REQUIRE(std::equal(pixels, pixels + video::frame_bytes(whole.size()), bad.frame(i).pixels));
      }
    }
  }
}

TEST_CASE("reader: what lies behind an MP4's last box is no part of it") {
  testing::scratch_folder const folder;
  REQUIRE(testing::write_numbered(folder / "a.mp4", 30, {64, 80}, {}));
  for (std::string const& tag : {std::string("ID3\4\0\0\0\0\0\x7FTIT2", 14), "TAGThe title" + std::string(116, ' ')}) {
    std::filesystem::copy_file(folder / "a.mp4", folder / "b.mp4", std::filesystem::copy_options::overwrite_existing);
    std::ofstream(folder / "b.mp4", std::ios::binary | std::ios::app) << tag;
    CHECK(video::probe(folder / "b.mp4").frames == 30);
  }
}

TEST_CASE("reader: an attached picture is no video") {
  testing::scratch_folder const folder;
  std::string picture = std::string("\0\0\0\3\0\0\0\x9image/png\0\0\0\0", 21) + std::string(16, '\0');
  picture += std::string("\0\0\0\x10\x89PNG\r\n\x1A\n", 12) + std::string(8, '\0');
  std::string flac = std::string("fLaC\0\0\0\x22\x10\0\x10\0", 12) + std::string(6, '\0');
  flac += std::string("\x0A\xC4\x42\xF0\0\0\0\0", 8) + std::string(16, '\0');
  flac += std::string("\x86\0\0", 3) + static_cast<char>(picture.size()) + picture;
  std::ofstream(folder / "a.flac", std::ios::binary) << flac;
  CHECK(thrown_text([&] { video::probe(folder / "a.flac"); }).find("attached picture") != std::string::npos);
  video::read_options one_stream;  // the picture is the second
  one_stream.max_streams = 1;
  CHECK(thrown_text([&] { video::probe(folder / "a.flac", one_stream); }).find("max_streams") != std::string::npos);
}

TEST_CASE("reader: limits, by name") {
  testing::scratch_folder const folder;
  video::write_options options;
  options.codec = "ffv1";
  REQUIRE(testing::write_numbered(folder / "a.mkv", 30, {64, 80}, options));
  REQUIRE(testing::write_numbered(folder / "thin.mkv", 2, {8, 136}, options));
  auto const check = [&](char const* name, char const* what, video::read_options const& read) {
    CAPTURE(what);
    std::string const text = thrown_text([&] { video::read_all_frames(folder / name, read); });
    CAPTURE(text);
    CHECK(text.find(name) != std::string::npos);
    CHECK(text.find(what) != std::string::npos);
  };
  video::read_options read;
  read.short_side = 64;
  read.max_pixels = 64 * 128;
  CHECK(video::read_all_frames(folder / "a.mkv", read).info().frames == 30);
  read.max_pixels = 64 * 80 - 1;
  check("a.mkv", "max_pixels", read);
  read = {};
  read.short_side = 64;
  read.memory_limit = 30 * 3 * 64 * 80;
  CHECK(video::read_all_frames(folder / "a.mkv", read).info().frames == 30);
  --read.memory_limit;
  check("a.mkv", "memory_limit", read);
  auto const all = [](video::video_info const& info) {
    std::vector<std::int64_t> wanted(static_cast<std::size_t>(info.frames));
    std::iota(wanted.begin(), wanted.end(), 0);
    return wanted;
  };
  CHECK_THROWS_AS(video::read_chosen_frames(folder / "a.mkv", all, read), scale::input_error);
  check("thin.mkv", "too narrow", {});
  read = {};
  read.short_side = 64;
  read.max_frames = 30;
  CHECK(video::read_all_frames(folder / "a.mkv", read).info().frames == 30);
  --read.max_frames;
  check("a.mkv", "max_frames", read);
}

TEST_CASE("reader: stops on request, and says what a caller did wrong") {
  testing::scratch_folder const folder;
  REQUIRE(testing::write_numbered(folder / "a.mp4", 30, {64, 80}, {}));
  std::stop_source stop;
  video::read_options options;
  options.stop = stop.get_token();
  CHECK(video::probe(folder / "a.mp4", options).frames == 30);
  stop.request_stop();
  CHECK_THROWS_AS(video::probe(folder / "a.mp4", options), scale::cancelled_error);

  std::vector<std::int64_t> wanted{5, 4};
  CHECK_THROWS_AS(video::read_frames(folder / "a.mp4", wanted), scale::argument_error);
  wanted = {30};
  CHECK_THROWS_AS(video::read_frames(folder / "a.mp4", wanted), scale::argument_error);
  wanted = {7};
  auto const v = video::read_frames(folder / "a.mp4", wanted);
  CHECK(testing::number_of(v.frame(7)) == 7);
  CHECK_THROWS_AS(v.frame(6), scale::argument_error);
}

TEST_CASE("reader: working size") {
  CHECK(video::working_size({1080, 1920}, 256) == frame_size{256, 455});
  CHECK(video::working_size({1920, 1080}, 256) == frame_size{455, 256});
  CHECK(video::working_size({240, 320}, 256) == frame_size{256, 341});
  CHECK(video::working_size({5, 5}, 256) == frame_size{256, 256});
  CHECK_THROWS_AS(video::working_size({2, 100000}, 256), scale::input_error);
}

TEST_CASE("writer: the same bytes twice") {
  testing::scratch_folder const folder;
  for (char const* const name : {"1.mp4", "2.mp4"}) REQUIRE(testing::write_numbered(folder / name, 20, {64, 80}, {}));
  auto const bytes = [&](char const* name) {
    std::ifstream file(folder / name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  CHECK(bytes("1.mp4") == bytes("2.mp4"));
  CHECK_THROWS_AS(video::video_writer(folder / "x.unknown", {64, 64}), scale::argument_error);
  CHECK_THROWS_AS(video::video_writer(folder / "no/such/x.mp4", {64, 64}), scale::resource_error);
}
