// SPDX-License-Identifier: Apache-2.0
// examples/quickstart.cpp: that it does what `scale embed` does, and that the README shows it as it is.
#include <scale/io/npy.hpp>
#include <scale/video/writer.hpp>

#include "program/small_videos.hpp"
#include "support/shared_data.hpp"
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>

namespace {

using namespace testing;
using list = std::vector<std::string>;

outcome quickstart(list const& arguments, std::filesystem::path const& frames = "/dev/null") {
  return run(SCALE_TEST_QUICKSTART, arguments, {.input = frames});
}

TEST_CASE("quickstart: frames from memory give the vector that `scale embed` makes of the same frames in a file") {
  // FFV1 in RGB keeps every bit; 75 frames take 2.5 s, which Matroska's milliseconds keep too.
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  scale::video::frame_size const size{48, 80};
  constexpr int frames = 75;
  std::string raw;
  {
    scale::video::video_writer writer(folder / "v.mkv", size, {.codec = "ffv1", .pixel_format = "bgr0"});
    std::vector<std::uint8_t> pixels(std::size_t{3} * 48 * 80);
    for (int t = 0; t < frames; ++t) {
      for (std::size_t i = 0; i < pixels.size(); ++i)
        pixels[i] = static_cast<std::uint8_t>(128 + 100 * std::sin(0.21 * static_cast<double>(i / 3 % 80) +
                                                                   0.13 * static_cast<double>(i / 240) - 0.3 * t));
      writer.write({pixels.data(), std::ptrdiff_t{3} * size.width, size});
      raw.append(pixels.begin(), pixels.end());
    }
    writer.finish();
  }
  std::filesystem::path const input = folder.write("v.rgb", raw);

  for (std::string const kind : {"paper", "centred"}) {
    std::filesystem::path const store = folder / "s.store", trained = folder / kind;
    auto const must = [](outcome const& done) {
      INFO("it said: ", done.err);
      REQUIRE(done.code == 0);
    };
    must(scale_program({"extract", small.test_list(), "--out", store, "--size", "32", "--short-side", "32", "--clips",
                        "4", "--threads", "1"}));
    must(scale_program(words({{"pretrain", store, "--out", trained, "--input", kind}, small_training(3)})));
    must(scale_program({"embed", folder / "v.mkv", "--model", trained, "--out", folder / "v.npy", "--short-side", "48",
                        "--store-type", "f32", "--features", "cls", "--no-normalise", "--threads", "1"}));
    std::vector<float> const expected = scale::npy_file(folder / "v.npy").read<float>();
    REQUIRE(expected.size() == small_collection::model_width);

    outcome const done = quickstart({trained, "80", "48", "30"}, input);
    INFO(kind, ": ", done.err);
    REQUIRE(done.code == 0);
    CHECK(done.err.empty());
    auto const lines = lines_of(done.out);
    REQUIRE(lines.size() == expected.size());
    for (std::size_t i = 0; i < lines.size(); ++i)
      CHECK(std::stod(lines[i]) == doctest::Approx(static_cast<double>(expected[i])).epsilon(1e-5));
  }
}

TEST_CASE("quickstart: what it cannot do it says") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  CHECK(quickstart({}).code == 2);
  CHECK(contains(quickstart({}).err, "usage"));
  outcome const absent = quickstart({folder / "absent", "64", "48", "30"});
  CHECK(absent.code == 1);
  CHECK(contains(absent.err, (folder / "absent").string()));
  outcome const empty = quickstart({small.run(), "64", "48", "30"});
  CHECK(empty.code == 1);
  CHECK(!empty.err.empty());
  outcome const cut = quickstart({small.run(), "64", "48", "30"}, folder.write("cut.rgb", std::string(1000, 'x')));
  CHECK(cut.code == 1);
  CHECK(contains(cut.err, "cut short"));
}

TEST_CASE("the C++ that the README shows is that of examples/quickstart.cpp") {
  std::string const readme = bytes_of(source_dir() / "README.md"),
                    example = bytes_of(source_dir() / "examples" / "quickstart.cpp"), begin = "```cpp\n", end = "```";
  int blocks = 0;
  for (std::size_t at = readme.find(begin); at != std::string::npos; at = readme.find(begin, at)) {
    at += begin.size();
    std::string const block = readme.substr(at, readme.find(end, at) - at);
    INFO("block: ", block);
    CHECK(contains(example, block));
    ++blocks;
  }
  CHECK(blocks >= 1);
}

}  // namespace
