// SPDX-License-Identifier: Apache-2.0
#pragma once
// Videos made for a test: every frame carries its number as black and white blocks, on a background that changes.

#include <scale/video/frames.hpp>
#include <scale/video/reader.hpp>
#include <scale/video/writer.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace testing {

inline constexpr int number_bits = 20;  // in 5 columns and 4 rows of blocks

/// A file in a folder of this process's own, removed with it.
class scratch_folder {
 public:
  scratch_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "scale-video-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~scratch_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  scratch_folder(scratch_folder const&) = delete;
  scratch_folder& operator=(scratch_folder const&) = delete;
  std::filesystem::path operator/(std::string const& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline int block_at(int x, int y, scale::video::frame_size size) {
  return (y * 4 / size.height) * 5 + x * 5 / size.width;
}

inline std::vector<std::uint8_t> numbered_frame(std::int64_t number, scale::video::frame_size size) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(3 * size.height * size.width));
  std::size_t i = 0;
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width; ++x, i += 3) {
      bool const bit = ((number >> block_at(x, y, size)) & 1) != 0;
      pixels[i] = pixels[i + 1] = pixels[i + 2] = bit ? 220 : 30;
    }
  return pixels;
}

/// The number a frame shows, from the mean of the middle of each block.
inline std::int64_t number_of(scale::video::frame_view const& frame) {
  std::int64_t number = 0;
  for (int bit = 0; bit < number_bits; ++bit) {
    int const x = (2 * (bit % 5) + 1) * frame.size.width / 10;
    int const y = (2 * (bit / 5) + 1) * frame.size.height / 8;
    std::uint8_t const* const p = frame.pixels + y * frame.stride + 3 * x;
    if (p[0] + p[1] + p[2] > 3 * 125) number |= std::int64_t{1} << bit;
  }
  return number;
}

inline scale::video::frame_view view_of(std::vector<std::uint8_t> const& pixels, scale::video::frame_size size) {
  return {pixels.data(), std::ptrdiff_t{3} * size.width, size};
}

/// Writes frames 0 to count - 1; frame i is shown at ticks[i], or at i. False, with a message, without the encoder.
inline bool write_numbered(std::filesystem::path const& path, std::int64_t count, scale::video::frame_size size,
                           scale::video::write_options const& options, std::vector<std::int64_t> const& ticks = {}) {
  std::optional<scale::video::video_writer> writer;
  try {
    writer.emplace(path, size, options);
  } catch (scale::resource_error const& e) {
    MESSAGE("skipped: ", e.what());
    return false;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    auto const pixels = numbered_frame(i, size);
    if (ticks.empty())
      writer->write(view_of(pixels, size));
    else
      writer->write(view_of(pixels, size), ticks[static_cast<std::size_t>(i)]);
  }
  writer->finish();
  return true;
}

}  // namespace testing
