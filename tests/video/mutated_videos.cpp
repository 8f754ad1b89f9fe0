// SPDX-License-Identifier: Apache-2.0
// Videos changed at random, read by confined processes: each is a value or a refusal, whatever becomes of its decoder.
#include <scale/video/decode_worker.hpp>
#include <scale/video/sandboxed_reader.hpp>

#include "reliability/campaign.hpp"
#include "support/shared_data.hpp"
#include "video/child_processes.hpp"
#include "video/generated_video.hpp"
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace {

namespace video = scale::video;

constexpr char const* campaign = "SCALE_VIDEO_MUTATIONS";

std::string bytes_of(std::filesystem::path const& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<std::string> generated_videos(testing::scratch_folder const& folder) {
  struct made {
    char const* file;
    char const* codec;
    int b_frames;
  };
  std::vector<std::string> videos;
  for (made const& m :
       {made{"a.mp4", "", 2}, made{"a.mkv", "", 0}, made{"b.mp4", "mpeg4", 2}, made{"a.avi", "mpeg4", 0},
        made{"b.avi", "mjpeg", 0}, made{"b.mkv", "ffv1", 0}, made{"a.ts", "mpeg2video", 2}}) {
    video::write_options options;
    options.codec = m.codec;
    options.b_frames = m.b_frames;
    if (options.codec == "mjpeg") options.pixel_format = "yuvj420p";
    if (!options.codec.empty()) options.quality = 5;
    options.keyframe_interval = 8;
    if (testing::write_numbered(folder / m.file, 24, {48, 64}, options)) videos.push_back(bytes_of(folder / m.file));
  }
  return videos;
}

/// Real videos of up to 256 KiB, for a campaign.
std::vector<std::string> real_videos() {
  std::vector<std::string> videos;
  auto const folder = testing::shared_data("data");
  if (!folder) return videos;
  std::vector<std::filesystem::path> files;
  for (auto const& entry : std::filesystem::recursive_directory_iterator(*folder))
    if (entry.is_regular_file() && entry.file_size() <= (1u << 18)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (auto const& file : files) {
    std::string const ending = file.extension().string();
    if (ending == ".mp4" || ending == ".avi" || ending == ".mkv" || ending == ".mov" || ending == ".wmv")
      videos.push_back(bytes_of(file));
  }
  return videos;
}

/// Up to eight changes: bits, bytes, numbers of headers, blocks that are copied, cleared, left out or put in twice.
std::string mutated(std::string bytes, std::mt19937_64& random) {
  auto const below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  std::size_t const changes = 1 + below(8);
  for (std::size_t c = 0; c < changes && bytes.size() > 16; ++c) {
    std::size_t const reach = below(2) == 0 ? (std::min)(bytes.size(), std::size_t{4096}) : bytes.size();
    std::size_t const at = below(reach);
    std::size_t const length = (std::min)(1 + below(std::size_t{1} << (1 + below(12))), bytes.size() - at);
    switch (below(8)) {
      case 0:
      case 1: bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8))); break;
      case 2: bytes[at] = static_cast<char>(random()); break;
      case 3: {
        constexpr std::uint32_t numbers[] = {0, 1, 0x7fffffff, 0xffffffff, 0x80000000, 0x00010000, 0xff};
        std::uint32_t const number = numbers[below(std::size(numbers))];
        for (std::size_t i = 0; i < 4 && at + i < bytes.size(); ++i)
          bytes[at + i] = static_cast<char>(number >> (24 - 8 * i));
        break;
      }
      case 4: bytes.replace(at, length, length, '\0'); break;
      case 5: {
        std::string const block = bytes.substr(at, length);
        bytes.replace((std::min)(below(bytes.size()), bytes.size() - length), length, block);
        break;
      }
      case 6: bytes.erase(at, length); break;
      default: bytes.insert(at, bytes.substr(at, length)); break;
    }
  }
  return bytes;
}

}  // namespace

TEST_CASE("mutated videos: each is read or refused; the processes that decode them are replaced where they end") {
  int const runs = testing::campaign_size(campaign, 300);
  testing::scratch_folder const folder;
  std::vector<std::string> seeds = generated_videos(folder);
  if (std::getenv(campaign) != nullptr)
    for (std::string& video : real_videos()) seeds.push_back(std::move(video));
  REQUIRE(!seeds.empty());
  testing::child_processes children;
  int read = 0, refused = 0;
  std::map<std::string, int> ended;  // how processes ended, and how often
  {
    video::sandboxed_reader const reader(
        [&] { return children.start([](int socket) { video::decode_worker(socket); }); });
    std::mt19937_64 random(static_cast<std::uint64_t>(testing::campaign_size("SCALE_TEST_SEED", 5)));
    for (int i = 0; i < runs; ++i) {
      INFO("run ", i);
      std::ofstream(folder / "video", std::ios::binary) << mutated(seeds[random() % seeds.size()], random);
      video::read_options options;
      options.short_side = 32;
      options.damaged = random() % 2 == 0 ? video::damaged_videos::allow : video::damaged_videos::refuse;
      options.memory_budget = random() % 2 == 0 ? std::size_t{1} << 28 : 1;
      options.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      std::size_t wanted = 0;
      try {
        video::decoded_video const found = reader(
            folder / "video",
            [&](video::video_info const& info) {
              std::vector<std::int64_t> frames;
              for (std::int64_t f = 0; f < info.frames && frames.size() < 64; f += 1 + info.frames / 16)
                frames.push_back(f);
              wanted = frames.size();
              return frames;
            },
            options);
        ++read;
        CHECK(found.indices().size() == wanted);
        CHECK((std::min)(found.size().height, found.size().width) == 32);
      } catch (scale::input_error const& e) {
        ++refused;
        std::string const text = e.what();
        if (std::size_t const at = text.find("the decoding process"); at != std::string::npos) ++ended[text.substr(at)];
      }
    }
  }
  CHECK(read + refused == runs);
  CHECK(read > 0);
  CHECK(refused > 0);
  CHECK(children.ended() == children.started());
  CHECK(testing::has_no_child());
  std::string report;
  for (auto const& [how, count] : ended) report += "; " + std::to_string(count) + " times " + how;
  MESSAGE(runs, " videos: ", read, " read, ", refused, " refused, ", children.started(), " processes", report);
}
