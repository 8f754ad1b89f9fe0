// SPDX-License-Identifier: Apache-2.0
// Decoding in another process: the same as in this one; and a process that crashes, hangs or lies costs one video.
#include <scale/video/decode_worker.hpp>
#include <scale/video/reader.hpp>
#include <scale/video/sandboxed_reader.hpp>

#include "support/thrown.hpp"
#include "video/child_processes.hpp"
#include "video/generated_video.hpp"
#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <stop_token>
#include <thread>

namespace {

namespace video = scale::video;
namespace detail = scale::video::detail;
using testing::contains;
using video::frame_size;

constexpr frame_size size{48, 64};

video::read_options small_options() {
  video::read_options options;
  options.short_side = 24;
  return options;
}

std::vector<std::int64_t> every_third(video::video_info const& info) {
  std::vector<std::int64_t> wanted;
  for (std::int64_t i = 1; i < info.frames; i += 3) wanted.push_back(i);
  return wanted;
}

bool same(video::video_info const& a, video::video_info const& b) {
  return a.frames == b.frames && a.size == b.size && a.rotation == b.rotation && a.mirrored == b.mirrored &&
         a.duration == b.duration && a.fps == b.fps && a.timestamps == b.timestamps && a.errors == b.errors &&
         a.damaged_frames == b.damaged_frames && a.first_error == b.first_error && a.codec == b.codec &&
         a.pixel_format == b.pixel_format && a.colour_matrix == b.colour_matrix && a.full_range == b.full_range;
}

bool same(video::decoded_video const& a, video::decoded_video const& b) {
  return a.size() == b.size() && same(a.info(), b.info()) &&
         std::equal(a.indices().begin(), a.indices().end(), b.indices().begin(), b.indices().end()) &&
         std::all_of(a.indices().begin(), a.indices().end(), [&](std::int64_t i) {
           return std::memcmp(a.frame(i).pixels, b.frame(i).pixels, video::frame_bytes(a.size())) == 0;
         });
}

/// A reader of processes that confine themselves, and videos for it.
struct fixture {
  testing::scratch_folder folder;
  testing::child_processes children;
  std::filesystem::path good = folder / "good.mp4";

  fixture() {
    REQUIRE(testing::write_numbered(good, 40, size, {}));
    std::ofstream(folder / "text.mp4") << "this is no video";
  }

  std::function<video::decode_process()> worker(video::worker_limits limits = {}) {
    return [this, limits] { return children.start([&](int socket) { video::decode_worker(socket, limits); }); };
  }

  /// The first process does `work` when it was asked, the others decode.
  template <class Work>
  std::function<video::decode_process()> worker_after(Work const& work) {
    return [this, work] {
      bool const first = children.started() == 0;
      return children.start([&](int socket) {
        if (!first) return video::decode_worker(socket);
        detail::worker_socket const other(socket);
        other.write(detail::worker_hello());
        detail::decode_request request;
        ::close(other.read_request(request));
        work(other);
      });
    };
  }
};

TEST_CASE_FIXTURE(fixture, "sandboxed reader: frames, facts and errors are those of this process") {
  {
    video::sandboxed_reader const reader(worker());
    for (char const* const name : {"a.mp4", "a.mkv", "a.avi", "a.ts"}) {
      CAPTURE(name);
      video::write_options writing;
      writing.rotation = std::string_view(name) == "a.mp4" ? 90 : 0;
      writing.keyframe_interval = 10;
      if (!testing::write_numbered(folder / name, 200, size, writing)) continue;
      for (std::size_t const budget : {std::size_t{1} << 30, std::size_t{1}})
        for (auto const access : {video::frame_access::seek, video::frame_access::decode_through}) {
          video::read_options options = small_options();
          options.memory_budget = budget;
          options.access = access;
          CHECK(same(reader(folder / name, every_third, options),
                     video::read_chosen_frames(folder / name, every_third, options)));
        }
      CHECK(same(reader.probe(folder / name), video::probe(folder / name)));
    }
    auto const none = [](video::video_info const&) { return std::vector<std::int64_t>(); };
    CHECK(same(reader(good, none), video::read_chosen_frames(good, none)));

    std::filesystem::copy_file(folder / "a.mkv", folder / "cut.mkv");
    std::filesystem::resize_file(folder / "cut.mkv", std::filesystem::file_size(folder / "cut.mkv") / 2);
    video::read_options few = small_options();
    few.max_frames = 39;
    video::read_options late = small_options();
    late.deadline = std::chrono::steady_clock::now();
    video::read_options no_room = small_options();
    no_room.memory_limit = 1000;
    struct refused {
      char const* file;
      video::read_options options;
      char const* text;
    };
    for (refused const& r : {refused{"text.mp4", {}, "not a video file"}, refused{"cut.mkv", {}, "damaged"},
                             refused{"absent.mp4", {}, "no such file"}, refused{"good.mp4", few, "max_frames"},
                             refused{"good.mp4", late, "deadline"}, refused{"good.mp4", no_room, "memory_limit"}}) {
      CAPTURE(r.file);
      std::string const expected = testing::thrown<scale::input_error>(
          [&] { video::read_chosen_frames(folder / r.file, every_third, r.options); });
      CHECK(contains(expected, r.text));
      CHECK(expected == testing::thrown<scale::input_error>([&] { reader(folder / r.file, every_third, r.options); }));
    }
    video::read_options allowing = small_options();
    allowing.damaged = video::damaged_videos::allow;
    CHECK(same(reader(folder / "cut.mkv", every_third, allowing),
               video::read_chosen_frames(folder / "cut.mkv", every_third, allowing)));
    CHECK(children.started() == 1);
  }
  CHECK(children.ended() == 1);
  CHECK(testing::has_no_child());
}

TEST_CASE_FIXTURE(fixture, "sandboxed reader: a choice that fails or is wrong leaves the process at work") {
  video::sandboxed_reader const reader(worker());
  struct oops {};
  CHECK_THROWS_AS(reader(good, [](video::video_info const&) -> std::vector<std::int64_t> { throw oops(); }), oops);
  for (std::vector<std::int64_t> const& wrong : {std::vector<std::int64_t>{40}, {-1}, {3, 3}, {4, 2}})
    CHECK_THROWS_AS(reader(good, [&](video::video_info const&) { return wrong; }), scale::argument_error);
  CHECK(same(reader(good, every_third), video::read_chosen_frames(good, every_third)));
  CHECK(children.started() == 1);
}

TEST_CASE_FIXTURE(fixture, "sandboxed reader: a process is replaced after its number of videos") {
  {
    video::sandboxed_reader const reader(worker(), 3);
    for (int i = 0; i < 7; ++i) CHECK(reader.probe(good).frames == 40);
    CHECK(children.started() == 3);
  }
  CHECK(children.ended() == 3);
  CHECK_THROWS_AS(video::sandboxed_reader(worker(), 0), scale::argument_error);
}

TEST_CASE_FIXTURE(fixture, "sandboxed reader: a process killed in the middle costs its video, not the next one") {
  for (int const signal : {SIGSEGV, SIGKILL, SIGSYS}) {
    video::sandboxed_reader const reader(worker());
    std::string const text = testing::thrown<scale::input_error>([&] {
      reader(good, [&](video::video_info const& info) {
        ::kill(children.last(), signal);
        return every_third(info);
      });
    });
    CHECK(text.starts_with(good.string() + ": the decoding process was ended by signal " + std::to_string(signal)));
    CHECK(same(reader(good, every_third), video::read_chosen_frames(good, every_third)));
    ::kill(children.last(), SIGKILL);  // idle: no video is to blame
    ::siginfo_t ended;
    ::waitid(P_PID, static_cast<::id_t>(children.last()), &ended, WEXITED | WNOWAIT);
    CHECK(reader.probe(good).frames == 40);
  }
  CHECK(testing::has_no_child());
}

TEST_CASE_FIXTURE(fixture, "sandboxed reader: a video does not suffer from those that its process read before") {
  video::sandboxed_reader const reader(worker());
  CHECK(reader.probe(good).frames == 40);
  int chosen = 0;
  auto const choose = [&](video::video_info const& info) {
    if (++chosen == 1) ::kill(children.last(), SIGSEGV);
    return every_third(info);
  };
  CHECK(same(reader(good, choose), video::read_chosen_frames(good, every_third)));
  CHECK(chosen == 2);
  CHECK(children.started() == 2);
}

TEST_CASE_FIXTURE(fixture, "sandboxed reader: memory beyond the limit is the video's failure") {
  REQUIRE(testing::write_numbered(folder / "large.mp4", 30, {1080, 1920}, {}));
  video::sandboxed_reader const reader(worker({.memory = std::size_t{64} << 20}));
  video::read_options options;
  options.short_side = 1080;  // 6 MB a frame
  std::string const text =
      testing::thrown<scale::input_error>([&] { reader(folder / "large.mp4", every_third, options); });
  CAPTURE(text);
  CHECK((contains(text, "more memory") || contains(text, "Cannot allocate memory")));
  CHECK(reader.probe(good).frames == 40);
}

/// A record that passes every check, for the good video of small_options.
detail::info_record good_record() {
  detail::info_record r;
  r.frames = 2;
  r.duration = 1;
  r.height = size.height;
  r.width = size.width;
  return r;
}

void send_record(detail::worker_socket const& other, detail::info_record const& record, std::uint64_t bytes,
                 std::vector<double> const& times = {0, 0.5}) {
  other.write(detail::reply{detail::reply_kind::info, 0, bytes});
  other.write(record);
  other.write(times.data(), times.size() * sizeof(double));
}

/// As a worker does up to the frames, of which it was asked for one of `frame` bytes.
void send_good_record(detail::worker_socket const& other) {
  send_record(other, good_record(), sizeof(detail::info_record));
  other.read_choice(1000);
}

constexpr std::size_t frame_size_in_bytes = std::size_t{3} * 24 * 32;

TEST_CASE_FIXTURE(fixture, "sandboxed reader: whatever a process answers, the video fails and the next one is read") {
  using socket = detail::worker_socket const&;
  using detail::reply;
  using detail::reply_kind;
  struct answer {
    std::string what;
    std::function<void(socket)> send;
    char const* error;
  };
  auto const info = [](char const* what, auto change, char const* error = "answered nonsense") {
    return answer{what,
                  [change](socket other) {
                    detail::info_record r = good_record();
                    change(r);
                    send_record(other, r, sizeof(r));
                  },
                  error};
  };
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  std::vector<answer> const answers = {
      {"nothing", [](socket) {}, "ended by itself"},
      {"a crash", [](socket) { ::raise(SIGSEGV); }, "signal 11"},
      {"noise",
       [](socket other) {
         for (int i = 0; i < 5000; ++i) other.write(0x9e3779b97f4a7c15u * static_cast<unsigned>(i + 1));
       },
       "nonsense"},
      {"half a header", [](socket other) { other.write(std::uint32_t{1}); }, "ended by itself"},
      {"an unknown kind",
       [](socket other) {
         other.write(reply{static_cast<reply_kind>(77), 0, 0});
       },
       "nonsense"},
      {"frames before facts",
       [](socket other) {
         other.write(reply{reply_kind::frame, 0, frame_size_in_bytes});
       },
       "nonsense"},
      {"a long error",
       [](socket other) {
         other.write(reply{reply_kind::failure, 0, ~std::uint64_t{0}});
       },
       "nonsense"},
      {"an error with a terminal's commands",
       [](socket other) {
         other.write(reply{reply_kind::failure, 0, 4});
         other.write("\x1b[2J", 4);
       },
       ": ?[2J"},
      {"another size of facts", [](socket other) { send_record(other, good_record(), 1); }, "nonsense"},
      info("no frames", [](auto& r) { r.frames = 0; }),
      info("frames below 0", [](auto& r) { r.frames = -1; }),
      info("2^62 frames", [](auto& r) { r.frames = std::int64_t{1} << 62; }),
      info("more frames than allowed", [](auto& r) { r.frames = 1001; }),
      info("no height", [](auto& r) { r.height = 0; }),
      info("a width below 0", [](auto& r) { r.width = -64; }),
      info("2^60 pixels", [](auto& r) { r.height = r.width = 1 << 30; }),
      info("more pixels than allowed", [](auto& r) { r.width = 1 << 21; }),
      info(
          "a narrow frame", [](auto& r) { r.width = 5000; }, "too narrow"),
      info("no duration", [](auto& r) { r.duration = 0; }),
      info("a duration below 0", [](auto& r) { r.duration = -1; }),
      info("a tiny duration", [](auto& r) { r.duration = 1e-300; }),
      info("an endless duration", [=](auto& r) { r.duration = infinity; }),
      info("no number for duration", [=](auto& r) { r.duration = nan; }),
      info("a turn by 45 degrees", [](auto& r) { r.rotation = 45; }),
      info("an odd truth", [](auto& r) { r.mirrored = 2; }),
      info("errors below 0", [](auto& r) { r.errors = -1; }),
      info("a long text", [](auto& r) { r.first_error = 0xffffffff; }),
      info("a long name", [](auto& r) { r.codec = 65; }),
      {"a time that is no number",
       [=](socket other) {
         send_record(other, good_record(), sizeof(detail::info_record), {0, nan});
       },
       "nonsense"},
      {"a frame of another size",
       [](socket other) {
         send_good_record(other);
         other.write(reply{reply_kind::frame, 0, frame_size_in_bytes + 1});
       },
       "nonsense"},
      {"a frame too many",
       [](socket other) {
         send_good_record(other);
         std::vector<std::uint8_t> const pixels(frame_size_in_bytes);
         for (int i = 0; i < 2; ++i) {
           other.write(reply{reply_kind::frame, 0, frame_size_in_bytes});
           other.write(pixels.data(), pixels.size());
         }
       },
       "nonsense"},
      {"a frame too few",
       [](socket other) {
         send_good_record(other);
         other.write(reply{reply_kind::done, 0, 0});
       },
       "nonsense"},
      {"beginning anew twice",
       [](socket other) {
         send_good_record(other);
         other.write(reply{reply_kind::again, 0, 0});
         other.write(reply{reply_kind::again, 0, 0});
       },
       "nonsense"},
      {"half a frame",
       [](socket other) {
         send_good_record(other);
         other.write(reply{reply_kind::frame, 0, frame_size_in_bytes});
         other.write(std::uint64_t{0});
       },
       "ended by itself"},
  };
  for (answer const& a : answers) {
    CAPTURE(a.what);
    children = {};
    {
      video::sandboxed_reader const reader(worker_after([&](socket other) {
        try {
          a.send(other);
        } catch (detail::worker_socket::closed const&) {
        }
      }));
      video::read_options options = small_options();
      options.max_frames = 1000;
      std::string const text = testing::thrown<scale::input_error>([&] {
        reader(
            good, [](video::video_info const&) { return std::vector<std::int64_t>{1}; }, options);
      });
      CAPTURE(text);
      CHECK(text.starts_with(good.string() + ": "));
      CHECK(contains(text, a.error));
      if (contains(text, "process")) CHECK(children.ended() == 1);
      CHECK(same(reader(good, every_third, small_options()),
                 video::read_chosen_frames(good, every_third, small_options())));
    }
    CHECK(children.ended() == children.started());
    CHECK(testing::has_no_child());
  }
}

TEST_CASE_FIXTURE(fixture, "sandboxed reader: a process that does not answer is ended at the deadline, or on request") {
  auto const hang = [](detail::worker_socket const&) {
    while (true) ::pause();
  };
  SUBCASE("deadline") {
    video::sandboxed_reader const reader(worker_after(hang));
    video::read_options options = small_options();
    options.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(10);
    std::string const text = testing::thrown<scale::input_error>([&] { reader(good, every_third, options); });
    CHECK(contains(text, "took longer than it may"));
    CHECK(children.ended() == 1);
    CHECK(reader.probe(good).frames == 40);
  }
  SUBCASE("request") {
    video::sandboxed_reader const reader(worker_after(hang));
    video::read_options options = small_options();
    std::stop_source source;
    options.stop = source.get_token();
    std::jthread const stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      source.request_stop();
    });
    CHECK_THROWS_AS(reader(good, every_third, options), scale::cancelled_error);
    CHECK(children.ended() == 1);
  }
  SUBCASE("a choice that is not read") {
    video::sandboxed_reader const reader(worker_after([&](detail::worker_socket const& other) {
      detail::info_record record = good_record();
      record.frames = 1 << 20;
      send_record(other, record, sizeof(record), std::vector<double>(1 << 20));
      hang(other);
    }));
    video::read_options options = small_options();
    options.short_side = 2;
    options.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(10);
    auto const all = [](video::video_info const& info) {
      std::vector<std::int64_t> wanted;
      for (std::int64_t i = 0; i < info.frames; ++i) wanted.push_back(i);
      return wanted;
    };
    CHECK(contains(testing::thrown<scale::input_error>([&] { reader(good, all, options); }), "took longer"));
  }
  CHECK(children.ended() == children.started());
  CHECK(testing::has_no_child());
}

TEST_CASE_FIXTURE(fixture, "sandboxed reader: a process that cannot be started or confined is the machine's lack") {
  auto const lacks = [&](auto const& work) {
    return testing::thrown<scale::resource_error>(
        [&] { video::sandboxed_reader([&] { return children.start(work); }); });
  };
  CHECK(contains(lacks([](int) {}), "cannot be started"));
  CHECK(contains(lacks([](int socket) { detail::worker_socket(socket).write(std::array<char, 200>{}); }), "nonsense"));
  CHECK(contains(lacks([](int socket) {
                   detail::worker_hello hello;
                   hello.error_number = ENOSYS;
                   std::strcpy(hello.failed_step.data(), "the filter");
                   detail::worker_socket(socket).write(hello);
                 }),
                 "cannot be confined to decoding on this machine: the filter failed"));
  CHECK(testing::has_no_child());
}

TEST_CASE_FIXTURE(fixture, "sandboxed reader: from several threads") {
  video::decoded_video const expected = video::read_chosen_frames(good, every_third);
  {
    video::sandboxed_reader const reader(worker());
    std::vector<int> right(3);
    {
      std::vector<std::jthread> threads;
      for (int& r : right)
        threads.emplace_back([&] {
          for (int i = 0; i < 5; ++i) r += same(reader(good, every_third), expected) ? 1 : 0;
        });
    }
    CHECK(right == std::vector<int>{5, 5, 5});
  }
  CHECK(testing::has_no_child());
}

}  // namespace
