// SPDX-License-Identifier: Apache-2.0
// Extraction with a backbone of a few lines on generated videos: what is stored, what fails, what an interruption
// leaves and how it goes on, shards and their merging, several backbones.
#include <scale/data/extract.hpp>
#include <scale/data/feature_store.hpp>
#include <scale/data/merge_stores.hpp>
#include <scale/data/open_manifest.hpp>
#include <scale/ref/context.hpp>
#include <scale/ref/transfer.hpp>
#include <scale/video/decode_worker.hpp>
#include <scale/video/sandboxed_reader.hpp>

#include "io/temporary_folder.hpp"
#include "video/child_processes.hpp"
#include "video/generated_video.hpp"
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <stop_token>
#include <string>
#include <vector>

namespace {

using context = scale::ref::context;
using scale::extraction_options;
using scale::extraction_summary;
using scale::feature_store;
using scale::index_t;
using testing::contains;
using testing::temporary_folder;

/// Mean of a clip's pixels, and one pixel of its first and last frame. `at_clips` is called before every batch.
struct toy_backbone {
  static constexpr char const* name = "toy";
  static constexpr scale::backbone_input input = scale::backbone_input::clip;
  static constexpr scale::backbone_defaults defaults() { return {}; }
  index_t feature_width() const { return 3; }
  std::string weights_sha256() const { return "00ff"; }

  void forward(context const&, scale::tensor_view<float const, 5, context> clips,
               scale::tensor_view<float, 2, context> features) {
    if (at_clips) at_clips();
    index_t const size = clips.size() / clips.extent(0);
    for (index_t n = 0; n < clips.extent(0); ++n) {
      float const* const clip = clips.data_handle() + n * size;
      double sum = 0;
      for (index_t i = 0; i < size; ++i) sum += static_cast<double>(clip[i]);
      features(n, 0) = static_cast<float>(sum / static_cast<double>(size)) * factor;
      features(n, 1) = clip[0];
      features(n, 2) = clip[size - 1];
    }
  }

  std::function<void()> at_clips;
  float factor = 1;
};

struct toy_frames : toy_backbone {
  static constexpr scale::backbone_input input = scale::backbone_input::frames;
  scale::frame_pooling pooling() const { return scale::frame_pooling::mean_and_motion; }
};

struct silent_frames : toy_backbone {
  static constexpr scale::backbone_input input = scale::backbone_input::frames;
};

static_assert(scale::clip_backbone<toy_frames, float, context>);
static_assert(!scale::clip_backbone<silent_frames, float, context>, "a backbone of frames must say how it pools them");

/// Options of a job and of a run.
struct small_options : extraction_options {
  scale::extraction_run run;

  small_options();
};

small_options::small_options() {
  extraction_options& o = *this;
  o.views.clips = 4;
  o.views.size = 16;
  o.views.sampling.num_frames = 4;
  o.views.sampling.stride = 1;
  run.reading.short_side = 24;
  o.pixels = {{0, 0, 0}, {1, 1, 1}};
  o.type = scale::stored_type::f32;
}

/// Videos v0.mp4, v1.mp4, ... of 20, 21, ... frames.
struct video_folder {
  explicit video_folder(int count) {
    for (int n = 0; n < count; ++n)
      REQUIRE(testing::write_numbered(at(n), 20 + n, {40, 50}, {.codec = "mpeg4", .quality = 2}));
  }
  std::filesystem::path at(int n) const { return folder / ("v" + std::to_string(n) + ".mp4"); }
  void damage(int n) const {
    std::string const whole = testing::read_text(at(n));
    folder.write(at(n).filename(), whole.substr(0, whole.size() / 2));
  }
  /// v<n>.mp4 for each number, in this order; labels 0 and 1 in turn.
  scale::manifest list(std::vector<int> const& numbers) const {
    std::string text = "path,label,group\n";
    for (std::size_t i = 0; i < numbers.size(); ++i)
      text += at(numbers[i]).filename().string() + "," + std::to_string(i % 2) + ",g\n";
    return scale::open_manifest(folder.write("list.csv", text));
  }
  temporary_folder folder;
};

extraction_summary extract(scale::manifest const& videos, small_options const& o, std::filesystem::path const& store,
                           scale::extraction_callbacks const& callbacks = {}, toy_backbone backbone = {}) {
  return scale::extract_features<float>(context(), backbone, videos, o, o.run, store, callbacks);
}

std::vector<float> raw_positions(feature_store const& store, index_t video) {
  auto const all = store.raw_positions_of(video);
  return {all.begin(), all.end()};
}

std::vector<std::string> names(feature_store const& store) {
  std::vector<std::string> out;
  for (index_t v = 0; v < store.videos(); ++v) out.emplace_back(store.record(v).name);
  return out;
}

}  // namespace

TEST_CASE("extract: every video is stored with label, columns, size and positions") {
  video_folder const videos(3);
  std::vector<std::string> reported;
  scale::extraction_callbacks callbacks;
  callbacks.progress = [&](scale::extraction_progress const& p) {
    reported.push_back(p.name + p.failure);
    CHECK(p.done == static_cast<index_t>(reported.size()));
    CHECK(p.total == 3);
    CHECK(p.failed == 0);
    CHECK(p.seconds >= 0);
  };
  extraction_summary const summary = extract(videos.list({2, 0, 1}), small_options(), videos.folder / "s", callbacks);
  CHECK(summary.videos == 3);
  CHECK(summary.failures.empty());
  CHECK_FALSE(summary.stopped);
  CHECK(summary.store == videos.folder / "s");
  feature_store const store(videos.folder / "s");
  store.verify();
  CHECK(names(store) == std::vector<std::string>{"v2.mp4", "v0.mp4", "v1.mp4"});
  CHECK(reported == names(store));
  CHECK(store.labels() == std::vector<std::int32_t>{0, 1, 0});
  CHECK(store.column(1, "group") == "g");
  CHECK(store.clips() == 4);
  CHECK(store.feature_width() == 3);
  CHECK(store.record(0).frames == 22);
  CHECK(store.record(0).width == 50);
  CHECK(store.record(0).height == 40);
  for (index_t v = 0; v < 3; ++v)
    for (float const x : store.features_as<float>(v)) CHECK((x >= 0 && x <= 1));
}

TEST_CASE("extract: neither decoding ahead nor the size of batches changes a bit") {
  video_folder const videos(4);
  videos.damage(1);
  scale::manifest const list = videos.list({0, 1, 2, 3});
  small_options o;
  extract(list, o, videos.folder / "a");
  std::string const expected = testing::read_text(videos.folder / "a");
  for (int const threads : {0, 1, 3})
    for (index_t const batch : {1, 3, 16}) {
      o.run.decode_threads = threads;
      o.clips_at_once = batch;
      std::filesystem::remove(videos.folder / "b");
      extract(list, o, videos.folder / "b");
      CHECK(testing::read_text(videos.folder / "b") == expected);
    }
}

TEST_CASE("extract: videos read by processes of their own give the same bytes") {
  video_folder const videos(4);
  videos.damage(1);
  scale::manifest const list = videos.list({0, 1, 2, 3});
  small_options o;
  extract(list, o, videos.folder / "a");
  testing::child_processes children;
  o.run.read = scale::video::sandboxed_reader(
      [&] { return children.start([](int socket) { scale::video::decode_worker(socket); }); });
  extract(list, o, videos.folder / "b");
  CHECK(testing::read_text(videos.folder / "b") == testing::read_text(videos.folder / "a"));
  CHECK(children.started() == 1);
}

TEST_CASE("extract: a video whose process crashes is a failure like others, and the run goes on") {
  video_folder const videos(4);
  scale::manifest const list = videos.list({0, 1, 2, 3});
  testing::child_processes children;
  small_options o;
  scale::video::sandboxed_reader const reader(
      [&] { return children.start([](int socket) { scale::video::decode_worker(socket); }); });
  o.run.read = [&](std::filesystem::path const& path, scale::video::frame_choice const& choose,
                   scale::video::read_options const& options) {
    bool const harmful = path == videos.at(1);
    auto const crash = [&](scale::video::video_info const& info) {
      if (harmful) ::kill(children.last(), SIGSEGV);
      return choose(info);
    };
    return reader(path, crash, options);
  };
  extraction_summary const summary = extract(list, o, videos.folder / "s");
  CHECK(summary.videos == 3);
  REQUIRE(summary.failures.size() == 1);
  CHECK(summary.failures[0].name == "v1.mp4");
  CHECK(contains(summary.failures[0].reason, "was ended by signal 11"));
  CHECK(names(feature_store(videos.folder / "s")) == std::vector<std::string>{"v0.mp4", "v2.mp4", "v3.mp4"});
}

TEST_CASE("extract: draws depend on the seed and a video's place in the list alone") {
  video_folder const videos(3);
  small_options o;
  extract(videos.list({0, 1, 2}), o, videos.folder / "a");
  extract(videos.list({2, 1, 0}), o, videos.folder / "b");
  feature_store const a(videos.folder / "a"), b(videos.folder / "b");
  CHECK(raw_positions(a, 1) == raw_positions(b, 1));
  CHECK(a.features_as<float>(1) == b.features_as<float>(1));
  CHECK(raw_positions(a, 0) != raw_positions(b, 2));
  videos.damage(0);
  extract(videos.list({0, 1, 2}), o, videos.folder / "c");
  feature_store const c(videos.folder / "c");
  CHECK(raw_positions(a, 1) == raw_positions(c, 0));
  o.seed = 43;
  extract(videos.list({0, 1, 2}), o, videos.folder / "d");
  CHECK(raw_positions(a, 1) != raw_positions(feature_store(videos.folder / "d"), 1));
}

TEST_CASE("extract: a video that fails is listed with its reason, and the others are stored") {
  video_folder const videos(4);
  videos.damage(1);
  scale::manifest const list = videos.list({0, 1, 2, 3});
  std::filesystem::remove(videos.at(2));
  for (int const threads : {0, 1, 3}) {
    small_options o;
    o.run.decode_threads = threads;
    std::filesystem::remove(videos.folder / "s");
    std::vector<std::string> reported;
    scale::extraction_callbacks callbacks;
    callbacks.progress = [&](scale::extraction_progress const& p) { reported.push_back(p.failure); };
    extraction_summary const summary = extract(list, o, videos.folder / "s", callbacks);
    CHECK(summary.videos == 2);
    CHECK_FALSE(summary.stopped);
    feature_store const store(videos.folder / "s");
    CHECK(names(store) == std::vector<std::string>{"v0.mp4", "v3.mp4"});
    REQUIRE(summary.failures.size() == 2);
    REQUIRE(store.failures().size() == 2);
    for (std::size_t f = 0; f < 2; ++f) {
      std::string const name = f == 0 ? "v1.mp4" : "v2.mp4";
      CHECK(summary.failures[f].name == name);
      CHECK(store.failures()[f].name == name);
      CHECK(contains(store.failures()[f].reason, name));
      CHECK(summary.failures[f].reason == store.failures()[f].reason);
      CHECK(reported[f + 1] == store.failures()[f].reason);
    }
  }
}

TEST_CASE("extract: features that are no numbers make a video fail; where all fail nothing is written") {
  video_folder const videos(2);
  toy_backbone backbone;
  backbone.factor = std::numeric_limits<float>::quiet_NaN();
  std::string const text = testing::message_of<scale::input_error>([&] {
    extract(videos.list({0, 1}), small_options(), videos.folder / "s", {}, backbone);
  });
  CHECK_MESSAGE(contains(text, "no video gave features"), text);
  CHECK_FALSE(std::filesystem::exists(videos.folder / "s"));
}

TEST_CASE("extract: a stop keeps what was done, and the same call goes on from there to the same bytes") {
  video_folder const videos(4);
  videos.damage(0);
  scale::manifest const list = videos.list({0, 1, 2, 3});
  std::filesystem::path const store = videos.folder / "s";
  extract(list, small_options(), videos.folder / "whole");
  for (int const threads : {0, 1, 3})
    for (bool const while_computing : {false, true})
      for (bool const by_reading : {false, true}) {
        std::stop_source source;
        small_options o;
        o.run.decode_threads = threads;
        scale::extraction_callbacks callbacks;
        (by_reading ? o.run.reading.stop : callbacks.stop) = source.get_token();
        toy_backbone backbone;
        if (while_computing)
          backbone.at_clips = [&] { source.request_stop(); };
        else
          callbacks.progress = [&](scale::extraction_progress const& p) {
            if (p.name == "v1.mp4") source.request_stop();
          };
        extraction_summary const part = extract(list, o, store, callbacks, backbone);
        CHECK(part.stopped);
        CHECK(part.videos == 1);
        CHECK_FALSE(std::filesystem::exists(store));
        REQUIRE(std::filesystem::exists(scale::journal_path(store)));

        int computed = 0;
        backbone.at_clips = [&] { ++computed; };
        std::vector<std::string> reported;
        callbacks.progress = [&](scale::extraction_progress const& p) {
          reported.push_back(p.name);
          CHECK(p.found == 2);
          CHECK(p.failed == 1);
        };
        callbacks.stop = {};
        o.run.reading.stop = {};
        extraction_summary const rest = extract(list, o, store, callbacks, backbone);
        CHECK_FALSE(rest.stopped);
        CHECK(rest.videos == 3);
        REQUIRE(rest.failures.size() == 1);
        CHECK(rest.failures[0].name == "v0.mp4");
        CHECK(reported == std::vector<std::string>{"v2.mp4", "v3.mp4"});
        CHECK(computed == 2);
        CHECK(testing::read_text(store) == testing::read_text(videos.folder / "whole"));
        CHECK_FALSE(std::filesystem::exists(scale::journal_path(store)));
        std::filesystem::remove(store);
      }
}

TEST_CASE("extract: an interruption after any byte of the journal loses only the video at hand") {
  video_folder const videos(3);
  videos.damage(1);
  scale::manifest const list = videos.list({0, 1, 2});
  std::filesystem::path const store = videos.folder / "s", journal = scale::journal_path(store);
  std::stop_source source;
  scale::extraction_callbacks callbacks;
  callbacks.stop = source.get_token();
  callbacks.progress = [&](scale::extraction_progress const& p) {
    if (p.done == 2) source.request_stop();
  };
  REQUIRE(extract(list, small_options(), store, callbacks).stopped);
  std::string const whole = testing::read_text(journal);
  extract(list, small_options(), videos.folder / "whole");
  std::string const expected = testing::read_text(videos.folder / "whole");
  index_t least = 3;
  std::uint32_t identity = 0;
  std::memcpy(&identity, whole.data() + 12, sizeof(identity));
  std::size_t const first_record = 24 + identity;  // nothing is written there before all of this is on disk
  for (std::size_t size = 0; size <= whole.size(); size += size < 40 || whole.size() - size < 40 ? 1u : 17u) {
    for (bool const torn : {false, true}) {
      if (torn && size < 24) continue;  // no header: perhaps somebody's file
      std::size_t const rest = size < first_record ? (std::min)(std::size_t{21}, first_record - size) : 21;
      videos.folder.write("s.part", whole.substr(0, size) + std::string(torn ? rest : 0, '\x55'));
      index_t found = -1;
      scale::extraction_callbacks watching;
      watching.progress = [&](scale::extraction_progress const& p) { found = p.found; };
      extract(list, small_options(), store, watching);
      CHECK(testing::read_text(store) == expected);
      least = size == whole.size() ? found : least;
      std::filesystem::remove(store);
    }
  }
  CHECK(least == 2);
}

TEST_CASE("extract: a damaged record of a journal is not believed, nor what follows it") {
  video_folder const videos(3);
  scale::manifest const list = videos.list({0, 1, 2});
  std::filesystem::path const store = videos.folder / "s", journal = scale::journal_path(store);
  std::stop_source source;
  scale::extraction_callbacks callbacks;
  callbacks.stop = source.get_token();
  callbacks.progress = [&](scale::extraction_progress const& p) {
    if (p.done == 2) source.request_stop();
  };
  extract(list, small_options(), store, callbacks);
  std::string bytes = testing::read_text(journal);
  bytes[bytes.size() - 5] ^= 1;
  videos.folder.write("s.part", bytes);
  index_t found = -1;
  scale::extraction_callbacks watching;
  watching.progress = [&](scale::extraction_progress const& p) { found = p.found; };
  extract(list, small_options(), store, watching);
  CHECK(found == 1);
  extract(list, small_options(), videos.folder / "whole");
  CHECK(testing::read_text(store) == testing::read_text(videos.folder / "whole"));
  std::filesystem::remove(store);
  for (std::size_t const at : {9u, 13u, 17u, 21u, 30u}) {  // the beginning: refused, and what is recorded stays
    CAPTURE(at);
    std::string damaged = bytes;
    damaged[at] ^= 1;
    videos.folder.write("s.part", damaged);
    CHECK_THROWS_WITH_AS(extract(list, small_options(), store), doctest::Contains("remove it"), scale::input_error);
    CHECK(testing::read_text(journal) == damaged);
  }
}

TEST_CASE("extract: what was begun with other options, lists or videos is refused by name, and stays") {
  video_folder const videos(3);
  scale::manifest const list = videos.list({0, 1, 2});
  std::filesystem::path const store = videos.folder / "s", journal = scale::journal_path(store);
  std::stop_source source;
  scale::extraction_callbacks callbacks;
  callbacks.stop = source.get_token();
  callbacks.progress = [&](scale::extraction_progress const&) { source.request_stop(); };
  extract(list, small_options(), store, callbacks);
  std::string const before = testing::read_text(journal);
  auto const refusal = [&](scale::manifest const& other, small_options const& o) {
    std::string const text = testing::message_of<scale::input_error>([&] { extract(other, o, store); });
    CHECK(testing::read_text(journal) == before);
    return text;
  };
  small_options o;
  o.seed = 7;
  CHECK(contains(refusal(list, o), "/provenance/seed: it has 42, asked for is 7"));
  o = {};
  o.type = scale::stored_type::f16;
  CHECK(contains(refusal(list, o), "/type: it has \"F32\", asked for is \"F16\""));
  CHECK(contains(refusal(videos.list({0, 2, 1}), {}), "/list_sha256"));
  CHECK(contains(refusal(videos.list({0, 1}), {}), "/videos: it has 3, asked for is 2"));
  scale::manifest const again = videos.list({0, 1, 2});
  std::filesystem::last_write_time(videos.at(0), std::filesystem::file_time_type::clock::now());
  CHECK(contains(refusal(again, {}), "'v0.mp4' changed since its features were extracted"));
  videos.folder.write("s.part", "notes of mine");
  std::string const text = testing::message_of<scale::input_error>([&] { extract(again, small_options(), store); });
  CHECK(contains(text, "expected the journal of an extraction, found another kind of file"));
  CHECK(testing::read_text(journal) == "notes of mine");
}

TEST_CASE("extract: a second extraction to the same store is refused while the first one runs") {
  video_folder const videos(2);
  scale::manifest const list = videos.list({0, 1});
  std::filesystem::path const store = videos.folder / "s";
  std::string text;
  scale::extraction_callbacks callbacks;
  callbacks.progress = [&](scale::extraction_progress const& p) {
    if (p.done == 1) text = testing::message_of<scale::input_error>([&] { extract(list, small_options(), store); });
  };
  CHECK(extract(list, small_options(), store, callbacks).videos == 2);
  CHECK_MESSAGE(contains(text, "another process is extracting to this store"), text);
}

TEST_CASE("extract: a store that is complete stays as it is; a damaged or another one is made again") {
  video_folder const videos(3);
  videos.damage(1);
  scale::manifest const list = videos.list({0, 1, 2});
  std::filesystem::path const path = videos.folder / "s";
  extract(list, small_options(), path);
  std::string const whole = testing::read_text(path);
  int computed = 0;
  toy_backbone backbone;
  backbone.at_clips = [&] { ++computed; };
  extraction_summary const again = extract(list, small_options(), path, {}, backbone);
  CHECK(again.was_complete);
  CHECK(again.videos == 2);
  CHECK(again.failures.size() == 1);
  CHECK(computed == 0);
  std::string damaged = whole;
  damaged[300] ^= 1;
  videos.folder.write("s", damaged);
  CHECK_FALSE(extract(list, small_options(), path, {}, backbone).was_complete);
  CHECK(computed == 2);
  CHECK(testing::read_text(path) == whole);
  std::filesystem::last_write_time(videos.at(2), std::filesystem::last_write_time(path) + std::chrono::seconds(1));
  CHECK_FALSE(extract(list, small_options(), path, {}, backbone).was_complete);
  std::filesystem::last_write_time(videos.at(2), std::filesystem::last_write_time(videos.at(0)));
  CHECK(extract(list, small_options(), path).was_complete);
  std::filesystem::rename(videos.at(2), videos.folder / "away");
  CHECK_FALSE(extract(list, small_options(), path).was_complete);
  std::filesystem::rename(videos.folder / "away", videos.at(2));
  small_options o;
  o.seed = 7;
  CHECK_FALSE(extract(list, o, path, {}, backbone).was_complete);
  CHECK(feature_store(path).provenance().at("seed") == 7);
  CHECK_FALSE(extract(videos.list({0, 1}), o, path, {}, backbone).was_complete);
  CHECK(feature_store(path).videos() == 1);
}

TEST_CASE("extract: shards merged in any order are the bytes of one run") {
  video_folder const videos(5);
  videos.damage(1);
  videos.damage(4);
  scale::manifest const list = videos.list({0, 1, 2, 3, 4});
  std::filesystem::path const whole = videos.folder / "whole", merged = videos.folder / "merged";
  extract(list, small_options(), whole);
  for (index_t const count : {2, 3, 4, 7}) {
    std::vector<std::filesystem::path> shards;
    for (index_t i = 0; i < count; ++i) {
      small_options o;
      o.run.shard = {i, count};
      shards.push_back(videos.folder / ("shard" + std::to_string(i)));
      extract(list, o, shards.back());
      CHECK(extract(list, o, shards.back()).was_complete);
    }
    std::rotate(shards.begin(), shards.begin() + 1, shards.end());
    extraction_summary const summary = scale::merge_stores(shards, merged);
    CHECK(summary.videos == 3);
    CHECK(summary.failures.size() == 2);
    CHECK(testing::read_text(merged) == testing::read_text(whole));
    auto const refusal = [](std::vector<std::filesystem::path> const& some, std::filesystem::path const& out) {
      return testing::message_of<scale::input_error>([&] { scale::merge_stores(some, out); });
    };
    std::filesystem::path const none = videos.folder / "none";
    CHECK(contains(refusal({shards.begin() + 1, shards.end()}, none), "these are missing: 1"));
    CHECK(contains(refusal({shards[0], shards[0]}, none), "is shard 1, and so is"));
    CHECK(contains(refusal({shards[0], whole}, none), "expected a shard of an extraction, found a whole store"));
    small_options other;
    other.seed = 3;
    other.run.shard = {1 % count, count};
    extract(list, other, shards[0]);
    CHECK(contains(refusal(shards, none), "they differ in /provenance/seed"));
    CHECK_FALSE(std::filesystem::exists(none));
  }
}

TEST_CASE("extract: a shard without good videos is a store for merging only") {
  video_folder const videos(2);
  videos.damage(1);
  scale::manifest const list = videos.list({0, 1});
  small_options o;
  o.run.shard = {1, 2};
  CHECK(extract(list, o, videos.folder / "s").videos == 0);
  std::string const text = testing::message_of<scale::input_error>([&] { feature_store(videos.folder / "s"); });
  CHECK(contains(text, "a shard in which no video gave features"));
  feature_store const store(videos.folder / "s", {.videos = scale::store_videos::perhaps_none});
  CHECK(store.videos() == 0);
  CHECK(store.failures().at(0).index == 1);
}

TEST_CASE("extract: several backbones fed by one decoding give the bytes of single runs, interrupted or not") {
  video_folder const videos(3);
  scale::manifest const list = videos.list({0, 1, 2});
  small_options first, second;
  second.views.recipe = scale::video::view_recipe::val;
  second.views.clips = 3;
  second.seed = 9;
  toy_backbone one;
  toy_frames two;
  extract(list, first, videos.folder / "one");
  scale::extract_features<float>(context(), two, videos.list({0, 1, 2}), second, second.run, videos.folder / "two");
  std::vector<scale::extraction_job> const jobs = {
      scale::make_extraction_job<float>(context(), one, first, first.run, videos.folder / "a"),
      scale::make_extraction_job<float>(context(), two, second, first.run, videos.folder / "b")};
  std::stop_source source;
  scale::extraction_callbacks callbacks;
  callbacks.stop = source.get_token();
  one.at_clips = [&] { source.request_stop(); };
  auto const part = scale::extract_features(jobs, list, first.run, callbacks);
  CHECK((part[0].stopped && part[1].stopped));
  scale::extraction_progress last;
  scale::extraction_callbacks watching;
  watching.progress = [&](scale::extraction_progress const& p) { last = p; };
  auto const whole = scale::extract_features(jobs, list, first.run, watching);
  CHECK(last.found == 1);
  CHECK(last.clips == 2 * (4 + 3));
  CHECK(last.frames == 21 + 22);
  CHECK(whole[0].store == videos.folder / "a");
  CHECK(testing::read_text(videos.folder / "a") == testing::read_text(videos.folder / "one"));
  CHECK(testing::read_text(videos.folder / "b") == testing::read_text(videos.folder / "two"));
  std::vector<scale::extraction_job> const twice = {jobs[0], jobs[0]};
  CHECK_THROWS_AS(scale::extract_features(twice, list, first.run), scale::argument_error);
}

TEST_CASE("extract: a video that takes too long to read fails, and says so") {
  video_folder const videos(1);
  small_options o;
  o.run.seconds_per_video = 1e-9;
  std::vector<std::string> reasons;
  scale::extraction_callbacks callbacks;
  callbacks.progress = [&](scale::extraction_progress const& p) { reasons.push_back(p.failure); };
  CHECK_THROWS_AS(extract(videos.list({0}), o, videos.folder / "s", callbacks), scale::input_error);
  REQUIRE(reasons.size() == 1);
  CHECK(contains(reasons[0], "took longer than it may"));
  o.run.seconds_per_video = 1000;
  CHECK(extract(videos.list({0}), o, videos.folder / "s").videos == 1);
}

TEST_CASE("extract: the store says what its features depend on") {
  video_folder const videos(1);
  small_options o;
  o.provenance["allowed_weights"] = {"classifier.bias"};
  extract(videos.list({0}), o, videos.folder / "s");
  nlohmann::json const lin = feature_store(videos.folder / "s").provenance();
  CHECK(lin.at("backbone") == "toy");
  CHECK(lin.at("weights_sha256") == "00ff");
  CHECK(lin.at("views") == "lin");
  CHECK(lin.at("clips") == 4);
  CHECK(lin.at("frames") == 4);
  CHECK(lin.at("size") == 16);
  CHECK(lin.at("short_side") == 24);
  CHECK(lin.at("stream") == -1);
  CHECK(lin.at("frame_pool") == "none");
  CHECK(lin.at("backend") == "ref");
  CHECK(lin.at("dtype") == "f32");
  CHECK(lin.at("scale_version") == scale::version);
  CHECK(lin.at("allowed_weights") == nlohmann::json{"classifier.bias"});
  CHECK_FALSE(lin.contains("blur"));
  o.views.recipe = scale::video::view_recipe::aug;
  extract(videos.list({0}), o, videos.folder / "s");
  CHECK(feature_store(videos.folder / "s").provenance().at("blur") == "frame");
  o.views.blur = scale::video::blur_scope::clip;
  extract(videos.list({0}), o, videos.folder / "s");
  CHECK(feature_store(videos.folder / "s").provenance().at("blur") == "released");
  CHECK(scale::extraction_provenance<float, context>(o, o.run, toy_frames()).at("frame_pool") == "mean+motion");
  o.provenance["seed"] = 3;
  CHECK_THROWS_AS(extract(videos.list({0}), o, videos.folder / "s"), scale::argument_error);
}
