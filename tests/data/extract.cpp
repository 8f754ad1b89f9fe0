// SPDX-License-Identifier: Apache-2.0
// Extraction with a backbone of a few lines on generated videos: what is stored, what fails, and what a stop leaves.
#include <scale/data/extract.hpp>
#include <scale/data/feature_store.hpp>
#include <scale/data/open_manifest.hpp>
#include <scale/ref/context.hpp>
#include <scale/ref/transfer.hpp>

#include "io/temporary_folder.hpp"
#include "video/generated_video.hpp"
#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace {

using context = scale::ref::context;
using scale::decode_ahead;
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

extraction_options small_options() {
  extraction_options o;
  o.views.clips = 4;
  o.views.size = 16;
  o.views.sampling.num_frames = 4;
  o.views.sampling.stride = 1;
  o.reading.short_side = 24;
  o.pixels = {{0, 0, 0}, {1, 1, 1}};
  o.type = scale::stored_type::f32;
  return o;
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

extraction_summary extract(scale::manifest const& videos, extraction_options const& o,
                           std::filesystem::path const& store, scale::extraction_callbacks const& callbacks = {},
                           toy_backbone backbone = {}) {
  return scale::extract_features<float>(context(), backbone, videos, o, store, callbacks);
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

/// Names of the videos that were not reached.
std::vector<std::string> not_reached(feature_store const& store) {
  std::vector<std::string> out;
  for (scale::store_failure const& f : store.failures())
    if (contains(f.reason, "not reached")) out.push_back(f.name);
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
  extraction_options o = small_options();
  extract(list, o, videos.folder / "a");
  std::string const expected = testing::read_text(videos.folder / "a");
  for (decode_ahead const ahead : {decode_ahead::no, decode_ahead::yes})
    for (index_t const batch : {1, 3, 16}) {
      o.ahead = ahead;
      o.clips_at_once = batch;
      extract(list, o, videos.folder / "b");
      CHECK(testing::read_text(videos.folder / "b") == expected);
    }
}

TEST_CASE("extract: draws depend on the seed and a video's place in the list alone") {
  video_folder const videos(3);
  extraction_options o = small_options();
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
  for (decode_ahead const ahead : {decode_ahead::no, decode_ahead::yes}) {
    extraction_options o = small_options();
    o.ahead = ahead;
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

TEST_CASE("extract: a stop keeps what was done and lists the rest as not reached") {
  video_folder const videos(4);
  videos.damage(0);
  scale::manifest const list = videos.list({0, 1, 2, 3});
  for (decode_ahead const ahead : {decode_ahead::no, decode_ahead::yes})
    for (bool const while_computing : {false, true})
      for (bool const by_reading : {false, true}) {
        std::stop_source source;
        extraction_options o = small_options();
        o.ahead = ahead;
        scale::extraction_callbacks callbacks;
        (by_reading ? o.reading.stop : callbacks.stop) = source.get_token();
        toy_backbone backbone;
        if (while_computing)
          backbone.at_clips = [&] { source.request_stop(); };
        else
          callbacks.progress = [&](scale::extraction_progress const& p) {
            if (p.name == "v1.mp4") source.request_stop();
          };
        std::filesystem::remove(videos.folder / "s");
        extraction_summary const summary = extract(list, o, videos.folder / "s", callbacks, backbone);
        CHECK(summary.stopped);
        CHECK(summary.videos == 1);
        CHECK(summary.failures.size() == 1);
        CHECK(summary.store == videos.folder / "s");
        feature_store const store(videos.folder / "s");
        store.verify();
        CHECK(names(store) == std::vector<std::string>{"v1.mp4"});
        CHECK(store.failures().front().name == "v0.mp4");
        CHECK(not_reached(store) == std::vector<std::string>{"v2.mp4", "v3.mp4"});
      }
}

TEST_CASE("extract: a stop while a video is decoded is no failure of that video") {
  video_folder const videos(1);
  std::stop_source source;
  source.request_stop();
  scale::video::read_options reading = small_options().reading;
  reading.stop = source.get_token();
  scale::detail::decoded_entry const decoded =
      scale::detail::decode_entry(videos.list({0}).entries.front(), small_options(), 0, reading);
  CHECK(decoded.stopped);
  CHECK_FALSE(decoded.video.has_value());
  CHECK(decoded.failure.empty());
}

TEST_CASE("extract: a stop at any moment leaves a whole store or nothing") {
  video_folder const videos(6);
  scale::manifest const list = videos.list({0, 1, 2, 3, 4, 5});
  for (decode_ahead const ahead : {decode_ahead::no, decode_ahead::yes})
    for (int delay = 0; delay < 24; delay += 2) {
      std::stop_source source;
      extraction_options o = small_options();
      o.ahead = ahead;
      scale::extraction_callbacks callbacks;
      callbacks.stop = source.get_token();
      index_t done = 0;
      callbacks.progress = [&](scale::extraction_progress const& p) { done = p.done; };
      std::filesystem::remove(videos.folder / "s");
      std::jthread const stopper([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(delay));
        source.request_stop();
      });
      try {
        extraction_summary const summary = extract(list, o, videos.folder / "s", callbacks);
        feature_store const store(videos.folder / "s");
        store.verify();
        CHECK(summary.videos == done);
        CHECK(store.videos() == done);
        CHECK(not_reached(store).size() == static_cast<std::size_t>(6 - summary.videos));
        CHECK(summary.stopped == (summary.videos < 6));
        CHECK(summary.failures.empty());
      } catch (scale::cancelled_error const&) {
        CHECK(done == 0);
        CHECK_FALSE(std::filesystem::exists(videos.folder / "s"));
      }
    }
}

TEST_CASE("extract: a stop before the first video is done writes nothing and says so") {
  video_folder const videos(2);
  videos.damage(0);
  for (decode_ahead const ahead : {decode_ahead::no, decode_ahead::yes})
    for (bool const by_reading : {false, true})
      for (bool const at_once : {false, true}) {
        std::stop_source source;
        extraction_options o = small_options();
        o.ahead = ahead;
        scale::extraction_callbacks callbacks;
        (by_reading ? o.reading.stop : callbacks.stop) = source.get_token();
        callbacks.progress = [&](scale::extraction_progress const&) { source.request_stop(); };
        if (at_once) source.request_stop();
        std::string const text = testing::message_of<scale::cancelled_error>([&] {
          extract(videos.list({0, 1}), o, videos.folder / "s", callbacks);
        });
        CHECK_MESSAGE(contains(text, "stopped before the first video was done; nothing was written"), text);
        CHECK_FALSE(std::filesystem::exists(videos.folder / "s"));
      }
}

TEST_CASE("extract: a part never replaces what was there, all of it does") {
  video_folder const videos(3);
  scale::manifest const list = videos.list({0, 1, 2});
  extraction_options o = small_options();
  extract(list, o, videos.folder / "s");
  std::string const whole = testing::read_text(videos.folder / "s");
  std::stop_source source;
  scale::extraction_callbacks callbacks;
  callbacks.stop = source.get_token();
  callbacks.progress = [&](scale::extraction_progress const&) { source.request_stop(); };
  o.seed = 7;
  extraction_summary const part = extract(list, o, videos.folder / "s", callbacks);
  CHECK(part.stopped);
  CHECK(part.store == videos.folder / "s.partial");
  CHECK(testing::read_text(videos.folder / "s") == whole);
  feature_store const partial(part.store);
  CHECK(names(partial) == std::vector<std::string>{"v0.mp4"});
  CHECK(not_reached(partial).size() == 2);
  CHECK(extract(list, o, videos.folder / "s").store == videos.folder / "s");
  CHECK(feature_store(videos.folder / "s").provenance().at("seed") == 7);
}

TEST_CASE("extract: the store says what its features depend on") {
  video_folder const videos(1);
  extraction_options o = small_options();
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
  CHECK(scale::extraction_provenance<float, context>(o, toy_frames()).at("frame_pool") == "mean+motion");
  o.provenance["seed"] = 3;
  CHECK_THROWS_AS(extract(videos.list({0}), o, videos.folder / "s"), scale::argument_error);
}
