// SPDX-License-Identifier: Apache-2.0
#include "program/small_videos.hpp"

#include <scale/video/writer.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>

namespace testing {

void write_small_video(std::filesystem::path const& path, int kind, int number, int frames) {
  scale::video::frame_size const size{48, 64};
  scale::video::video_writer writer(path, size);
  std::vector<std::uint8_t> pixels(std::size_t{3} * 48 * 64);
  for (int t = 0; t < frames; ++t) {
    int const extent = kind == 0 ? size.width : size.height, begin = (7 * number + t * (1 + number % 3)) % extent;
    for (int y = 0; y < size.height; ++y)
      for (int x = 0; x < size.width; ++x) {
        int const behind = ((kind == 0 ? x : y) - begin + extent) % extent;
        auto* const pixel = &pixels[3 * static_cast<std::size_t>(y * size.width + x)];
        pixel[0] = behind < 8 ? 230 : 40;
        pixel[1] = static_cast<std::uint8_t>(60 + (x * (number + 3)) % 90);
        pixel[2] = static_cast<std::uint8_t>(60 + (y * (number + 5)) % 90);
      }
    writer.write({pixels.data(), std::ptrdiff_t{3} * size.width, size});
  }
  writer.finish();
}

std::vector<std::string> words(std::vector<std::vector<std::string>> const& lists) {
  std::vector<std::string> all;
  for (auto const& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

std::vector<std::string> small_views(std::string const& recipe, int clips) {
  return {"--backbone",   "motion_energy",
          "--views",      recipe,
          "--clips",      std::to_string(clips),
          "--size",       "32",
          "--short-side", "32",
          "--frames",     "4",
          "--stride",     "2",
          "--threads",    "1"};
}

std::vector<std::string> small_training(int epochs) {
  return {"--epochs", std::to_string(epochs), "--batch", "4",         "--hidden", "32", "--layers",
          "1",        "--head-width",         "32",      "--threads", "1"};
}

small_collection const& small_collection::get() {
  static small_collection const collection;
  return collection;
}

small_collection::small_collection() {
  std::filesystem::create_directory(videos());
  auto const write_list = [&](std::string const& part, int count, int first) {
    std::string list = "path,label,group\n";
    for (int i = 0; i < count; ++i) {
      std::string const name = part + std::to_string(i) + ".mp4";
      write_small_video(videos() / name, i % classes, first + i);
      list += name + (i % classes == 0 ? ",right," : ",down,") + static_cast<char>('a' + i / 4) + "\n";
    }
    folder_.write("videos/" + part + ".csv", list);
  };
  write_list("train", train_videos, 0);
  write_list("test", test_videos, 50);
  auto const must = [](outcome const& done) {
    INFO("it said: ", done.err);
    REQUIRE(done.code == 0);
  };
  must(scale_program(words({{"extract", train_list(), "--out", train_store()}, small_views("lin", clips)})));
  must(scale_program(words({{"extract", test_list(), "--out", test_store()}, small_views("val", 3)})));
  must(scale_program(words({{"pretrain", train_store(), "--out", run()}, small_training(20)})));
}

}  // namespace testing
