// SPDX-License-Identifier: Apache-2.0
// scale extract: what it stores, what it lists as failed, what it refuses, and how it stops.
#include "program/small_videos.hpp"
#include <doctest/doctest.h>

#include <csignal>

namespace {

using namespace testing;
using nlohmann::json;

outcome extract(std::filesystem::path const& input, std::filesystem::path const& out,
                std::vector<std::string> const& more = {}) {
  return scale_program(words({{"extract", input, "--out", out}, small_views("val", 3), more}));
}

json inspect(std::filesystem::path const& file) {
  outcome const done = scale_program({"inspect", file, "--json"});
  INFO("it said: ", done.err);
  REQUIRE(done.code == 0);
  auto const lines = done.json_lines();
  REQUIRE(lines.size() == 1);
  return lines[0];
}

/// Two good videos with two damaged ones between: one is text, one a Matroska file cut short, half of whose frames
/// decode.
void write_mixed_folder(temporary_folder const& folder) {
  folder.write("videos/b_text.mp4", "this is no video");
  write_small_video(folder / "videos/a_good.mp4", 0, 1);
  write_small_video(folder / "videos/c_cut.mkv", 1, 2, 60);
  write_small_video(folder / "videos/d_good.mp4", 1, 3);
  std::string const whole = bytes_of(folder / "videos/c_cut.mkv");
  folder.write("videos/c_cut.mkv", whole.substr(0, whole.size() * 2 / 3));
}

TEST_CASE("extract: a store of all videos of a list, with its columns and how it was made") {
  small_collection const& small = small_collection::get();
  json const about = inspect(small.train_store());
  CHECK(about.at("whole") == true);
  CHECK(about.at("videos") == small.train_videos);
  CHECK(about.at("clips_per_video") == small.clips);
  CHECK(about.at("feature_width") == small.feature_width);
  CHECK(about.at("classes") == small.classes);
  CHECK(about.at("columns") == json{"path", "label", "group"});
  CHECK(about.at("failures").empty());
  json const& made = about.at("provenance");
  CHECK(made.at("backbone") == "motion_energy");
  CHECK(made.at("views") == "lin");
  CHECK(made.at("size") == 32);
  CHECK(made.at("short_side") == 32);
  CHECK(made.at("frames") == 4);
  CHECK(made.at("stride") == 2.0);
  CHECK(made.at("seed") == 42);
}

TEST_CASE("extract: a video, a folder and a list are inputs; results as text and as JSON") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  outcome const one = extract(small.some_video(), folder / "one.store", {"--json"});
  CHECK(one.code == 0);
  auto const lines = one.json_lines();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].at("store") == (folder / "one.store").string());
  CHECK(lines[0].at("videos") == 1);
  CHECK(lines[0].at("failed") == 0);
  CHECK(lines[0].at("failures") == json::array());

  outcome const all = extract(small.videos(), folder / "all.store");
  CHECK(all.code == 0);
  CHECK(lines_of(all.out).size() == 1);
  CHECK(contains(all.out, (folder / "all.store").string()));
  CHECK(contains(all.out, "18"));
  CHECK(contains(all.err, "18/18"));
  CHECK(inspect(folder / "all.store").at("videos") == small.train_videos + small.test_videos);
  CHECK(inspect(folder / "all.store").at("classes") == 0);
}

TEST_CASE("extract: the same bytes every time, for any number of threads; other draws for another seed") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  auto const bytes = [&](std::vector<std::string> const& options) {
    outcome const done = scale_program(
        words({{"extract", small.test_list(), "--out", folder / "s.store"}, small_views("lin", 2), options}));
    REQUIRE(done.code == 0);
    return bytes_of(folder / "s.store");
  };
  std::string const first = bytes({});
  CHECK(bytes({}) == first);
  CHECK(bytes({"--threads", "3"}) == first);
  CHECK(bytes({"--seed", "7"}) != first);
}

TEST_CASE("extract: in bf16 other features; the store says so, and is not taken for one in f32") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  REQUIRE(extract(small.some_video(), folder / "wide.store").code == 0);
  REQUIRE(extract(small.some_video(), folder / "half.store", {"--dtype", "bf16"}).code == 0);
  CHECK(inspect(folder / "wide.store").at("provenance").at("dtype") == "f32");
  CHECK(inspect(folder / "half.store").at("provenance").at("dtype") == "bf16");
  CHECK(bytes_of(folder / "wide.store") != bytes_of(folder / "half.store"));
  CHECK(contains(extract(small.some_video(), folder / "half.store", {"--dtype", "bf16"}).out, "complete before"));
  CHECK(!contains(extract(small.some_video(), folder / "half.store").out, "complete before"));
  CHECK(bytes_of(folder / "wide.store") == bytes_of(folder / "half.store"));
}

TEST_CASE("extract: damaged videos are listed with a reason and the others stored: exit code 1") {
  temporary_folder const folder;
  write_mixed_folder(folder);
  outcome const done = extract(folder / "videos", folder / "s.store", {"--json"});
  CHECK(done.code == 1);
  auto const lines = done.json_lines();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].at("videos") == 2);
  CHECK(lines[0].at("failed") == 2);
  json const& failures = lines[0].at("failures");
  REQUIRE(failures.size() == 2);
  CHECK(failures[0].at("path") == "b_text.mp4");
  CHECK(failures[1].at("path") == "c_cut.mkv");
  for (json const& failure : failures) CHECK(!failure.at("reason").get<std::string>().empty());

  json const about = inspect(folder / "s.store");
  CHECK(about.at("videos") == 2);
  REQUIRE(about.at("failures").size() == 2);
  CHECK(about.at("failures")[0].at("name") == "b_text.mp4");
  CHECK(about.at("failures")[1].at("name") == "c_cut.mkv");
  for (json const& failure : about.at("failures")) CHECK(!failure.at("reason").get<std::string>().empty());
}

TEST_CASE("extract: failures are said on standard error, with --quiet too") {
  temporary_folder const folder;
  write_mixed_folder(folder);
  for (std::vector<std::string> const& quiet : {std::vector<std::string>{}, {"--quiet"}}) {
    outcome const done = extract(folder / "videos", folder / "s.store", quiet);
    CHECK(done.code == 1);
    CHECK(contains(done.err, "b_text.mp4"));
    CHECK(contains(done.err, "c_cut.mkv"));
    CHECK(contains(done.err, "/4 videos") == quiet.empty());
  }
}

TEST_CASE("extract: --allow-damaged takes the good frames of a damaged video, but text is no video") {
  temporary_folder const folder;
  write_mixed_folder(folder);
  outcome const done = extract(folder / "videos", folder / "s.store", {"--json", "--allow-damaged"});
  CHECK(done.code == 1);
  auto const lines = done.json_lines();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].at("videos") == 3);
  CHECK(lines[0].at("failed") == 1);
  CHECK(inspect(folder / "s.store").at("provenance").at("damaged") == "allowed");
}

TEST_CASE("extract: nothing but damaged videos: exit code 3 and no store") {
  temporary_folder const folder;
  folder.write("videos/text.mp4", "this is no video");
  outcome const done = extract(folder / "videos", folder / "s.store");
  CHECK(done.code == 3);
  CHECK(done.out.empty());
  CHECK(contains(done.err, "text.mp4"));
  CHECK(!std::filesystem::exists(folder / "s.store"));
}

TEST_CASE("extract: lists that are refused: exit code 3, the list is named") {
  temporary_folder const folder;
  write_small_video(folder / "a.mp4", 0, 1);
  std::filesystem::create_directory(folder / "lists");
  std::vector<std::string> const texts = {"",
                                          "name,label\na.mp4,1\n",
                                          "path,label\n",
                                          "path,label\n../a.mp4,1\n",
                                          "path,label\n" + (folder / "a.mp4").string() + ",1\n",
                                          "path,label\nb.mp4,1\nb.mp4,1\n"};
  for (std::string const& text : texts) {
    std::filesystem::path const list = folder.write("lists/list.csv", text);
    outcome const done = extract(list, folder / "s.store");
    INFO("list: ", text, "it said: ", done.err);
    CHECK(done.code == 3);
    CHECK(contains(done.err, "list.csv"));
  }
  CHECK(!std::filesystem::exists(folder / "s.store"));
}

TEST_CASE("extract: a video of a list that is not there is a failure like others") {
  temporary_folder const folder;
  write_small_video(folder / "a.mp4", 0, 1);
  std::filesystem::path const list = folder.write("list.csv", "path,label\na.mp4,1\nabsent.mp4,0\n");
  outcome const done = extract(list, folder / "s.store");
  CHECK(done.code == 1);
  CHECK(contains(done.err, "absent.mp4"));
  CHECK(inspect(folder / "s.store").at("videos") == 1);
}

TEST_CASE("extract: a damaged weights file: exit code 3, its name, no store") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  std::string const model = bytes_of(small.model());
  for (std::string const& text : {std::string("text"), model.substr(0, model.size() / 2), model}) {
    std::filesystem::path const weights = folder.write("weights.safetensors", text);
    outcome const done = scale_program(
        {"extract", small.videos(), "--out", folder / "s.store", "--backbone", "mobilenet_v2", "--weights", weights});
    INFO("it said: ", done.err);
    CHECK(done.code == 3);
    CHECK(contains(done.err, weights.string()));
    CHECK(!std::filesystem::exists(folder / "s.store"));
  }
}

TEST_CASE("extract: replaces a store, but no other file, and never its input") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  SUBCASE("a store is replaced") {
    std::filesystem::copy_file(small.train_store(), folder / "s.store");
    CHECK(extract(small.some_video(), folder / "s.store").code == 0);
    CHECK(inspect(folder / "s.store").at("videos") == 1);
  }
  SUBCASE("another file is refused") {
    for (std::string const& text : {std::string("a letter"), bytes_of(small.model()), std::string()}) {
      std::filesystem::path const file = folder.write("file", text);
      outcome const done = extract(small.some_video(), file);
      INFO("it said: ", done.err);
      CHECK((done.code == 2 || done.code == 3));
      CHECK(contains(done.err, file.string()));
      CHECK(bytes_of(file) == text);
    }
    CHECK(folder.names().size() == 1);
  }
  SUBCASE("the input is refused, whatever it is called") {
    std::filesystem::copy_file(small.some_video(), folder / "v.mp4");
    std::filesystem::create_symlink("v.mp4", folder / "link.mp4");
    std::string const video = bytes_of(folder / "v.mp4");
    std::filesystem::path const list = folder.write("list.csv", "path,label\nv.mp4,0\n");
    std::string const text = bytes_of(list);
    std::vector<std::pair<std::filesystem::path, std::filesystem::path>> const pairs = {
        {folder / "v.mp4", folder / "v.mp4"},
        {folder / "v.mp4", folder / "./v.mp4"},
        {folder / "v.mp4", folder / "link.mp4"},
        {list, list},
        {list, folder / "v.mp4"},
        {folder.path(), folder / "v.mp4"}};
    for (auto const& [input, out] : pairs) {
      outcome const done = extract(input, out);
      INFO(input.string(), " -> ", out.string(), ": ", done.err);
      CHECK((done.code == 2 || done.code == 3));
      CHECK(contains(done.err, out.string()));
      CHECK(bytes_of(folder / "v.mp4") == video);
      CHECK(bytes_of(list) == text);
      CHECK(std::filesystem::is_symlink(folder / "link.mp4"));
    }
  }
  SUBCASE("a folder is refused at once") {
    outcome const done = extract(small.some_video(), folder.path());
    CHECK((done.code == 2 || done.code == 3));
    CHECK(contains(done.err, folder.path().string()));
    CHECK(folder.names().empty());
  }
  SUBCASE("in a folder that is not there it cannot be written: before any work") {
    outcome const done = extract(small.some_video(), folder / "absent/s.store");
    CHECK(done.code == 2);
    CHECK(contains(done.err, (folder / "absent").string()));
    CHECK(!contains(done.err, "1/1"));
  }
}

/// Enough videos that extracting them takes seconds.
constexpr int many = 400;

std::filesystem::path write_many(temporary_folder const& folder) {
  std::filesystem::create_directory(folder / "videos");
  write_small_video(folder / "videos/0.mp4", 0, 0);
  for (int i = 1; i < many; ++i)
    std::filesystem::copy_file(folder / "videos/0.mp4", folder / ("videos/" + std::to_string(i) + ".mp4"));
  return folder / "videos";
}

/// Interrupts the extraction of those videos once some are done.
outcome interrupted_extraction(std::filesystem::path const& videos, std::filesystem::path const& out) {
  running_program program(scale_file(), words({{"extract", videos, "--out", out}, small_views("lin", 8)}));
  REQUIRE(program.wait_until([&] { return contains(program.error_output(), "/" + std::to_string(many)); }));
  program.send(SIGINT);
  return program.wait();
}

TEST_CASE("extract: Ctrl-C keeps what was done: exit code 130; the same command goes on and ends with the same bytes") {
  temporary_folder const folder;
  std::filesystem::path const videos = write_many(folder), store = folder / "s.store", part = folder / "s.store.part";
  std::filesystem::copy_file(small_collection::get().train_store(), store);
  std::string const before = bytes_of(store);
  outcome const done = interrupted_extraction(videos, store);
  INFO("it said: ", done.err);
  CHECK(done.code == 130);
  CHECK(bytes_of(store) == before);
  CHECK(contains(done.err, part.string()));
  CHECK(contains(done.err, "again"));
  REQUIRE(std::filesystem::exists(part));
  json const kept = inspect(part);
  CHECK(kept.at("kind") == "journal of an extraction");
  CHECK(kept.at("videos").get<int>() >= 1);
  CHECK(kept.at("videos").get<int>() < many);
  CHECK(kept.at("of") == many);
  CHECK(kept.at("provenance").at("backbone") == "motion_energy");

  outcome const rest = scale_program(words({{"extract", videos, "--out", store, "--json"}, small_views("lin", 8)}));
  INFO("then it said: ", rest.err);
  CHECK(rest.code == 0);
  CHECK(rest.json_lines().at(0).at("videos") == many);
  std::vector<std::string> const progress = lines_of(rest.err);
  REQUIRE(!progress.empty());
  json const last = json::parse(progress.back());
  CHECK(last.at("done") == many);
  CHECK(last.at("found").get<int>() >= 1);
  for (char const* const key : {"clips_per_second", "frames_per_second", "waiting_for_videos", "waiting_for_backbones"})
    CHECK(last.at(key).get<double>() >= 0);
  CHECK_FALSE(std::filesystem::exists(part));
  outcome const whole = scale_program(words({{"extract", videos, "--out", folder / "whole"}, small_views("lin", 8)}));
  CHECK(whole.code == 0);
  CHECK(bytes_of(store) == bytes_of(folder / "whole"));
}

TEST_CASE("extract: failures have a list beside the store; a run without any leaves none") {
  temporary_folder const folder;
  write_mixed_folder(folder);
  std::filesystem::path const list = folder / "s.store.failures.jsonl";
  CHECK(extract(folder / "videos", folder / "s.store").code == 1);
  std::vector<std::string> const lines = lines_of(bytes_of(list));
  REQUIRE(lines.size() == 2);
  CHECK(json::parse(lines[0]).at("path") == "b_text.mp4");
  CHECK(json::parse(lines[1]).at("path") == "c_cut.mkv");
  for (std::string const& line : lines) CHECK(!json::parse(line).at("reason").get<std::string>().empty());
  outcome const again = extract(folder / "videos", folder / "s.store", {"--json"});
  CHECK(again.code == 1);
  CHECK(again.json_lines().at(0).at("was_complete") == true);
  std::filesystem::remove(folder / "videos/b_text.mp4");
  std::filesystem::remove(folder / "videos/c_cut.mkv");
  CHECK(extract(folder / "videos", folder / "s.store").code == 0);
  CHECK_FALSE(std::filesystem::exists(list));
  folder.write("s.store.failures.jsonl", "notes of mine");
  CHECK(extract(folder / "videos", folder / "s.store").code == 2);
}

TEST_CASE("extract, merge: shards counted from 0 or from 1 make the store of one run") {
  temporary_folder const folder;
  write_mixed_folder(folder);
  CHECK(extract(folder / "videos", folder / "whole").code == 1);
  for (int const first : {0, 1}) {
    std::vector<std::string> shards;
    for (int i = first; i < first + 3; ++i) {
      shards.push_back((folder / ("shard" + std::to_string(i))).string());
      outcome const done = extract(folder / "videos", shards.back(), {"--shard", std::to_string(i) + "/3"});
      CHECK(done.code <= 1);
    }
    outcome const merged = scale_program(words({{"merge", "--out", folder / "merged", "--json"}, shards}));
    INFO("it said: ", merged.err);
    CHECK(merged.code == 1);
    CHECK(merged.json_lines().at(0).at("failed") == 2);
    CHECK(merged.json_lines().at(0).at("was_complete") == false);  // said in the words of extract
    CHECK(bytes_of(folder / "merged") == bytes_of(folder / "whole"));
    CHECK(scale_program(words({{"merge", "--out", folder / "none"}, {shards[0], shards[1]}})).code == 3);
    CHECK(scale_program({"merge", "--out", shards[0], shards[0], shards[1], shards[2]}).code == 2);
  }
  for (char const* const wrong : {"4/3", "-1/3", "1", "1/0", "1/3x", "a/b"})
    CHECK(extract(folder / "videos", folder / "none", {"--shard", wrong}).code == 2);
}

TEST_CASE("extract: several backbones at once, each with its store") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  std::vector<std::string> const second = {"--backbone", "motion_energy"};  // the first one is among the views
  outcome const both = extract(small.some_video(), folder / "a", words({{"--out", folder / "b", "--json"}, second}));
  INFO("it said: ", both.err);
  CHECK(both.code == 0);
  REQUIRE(both.json_lines().size() == 2);
  CHECK(both.json_lines()[1].at("store") == (folder / "b").string());
  CHECK(bytes_of(folder / "a") == bytes_of(folder / "b"));
  CHECK(extract(small.some_video(), folder / "c", second).code == 2);
  CHECK(extract(small.some_video(), folder / "c", {"--out", folder / "d"}).code == 2);
  CHECK(extract(small.some_video(), folder / "c", words({{"--out", folder / "c"}, second})).code == 2);
  CHECK_FALSE(std::filesystem::exists(folder / "c"));
}

TEST_CASE("extract: --no-sandbox gives the same bytes, and is said") {
  temporary_folder const folder;
  write_mixed_folder(folder);
  outcome const usual = extract(folder / "videos", folder / "a");
  CHECK(usual.code == 1);
  CHECK(!contains(usual.err, "sandbox"));
  for (char const* const threads : {"1", "3"}) {
    std::filesystem::remove(folder / "b");
    outcome const without = extract(folder / "videos", folder / "b", {"--no-sandbox", "--threads", threads});
    CHECK(without.code == 1);
    CHECK(contains(without.err, "--no-sandbox"));
    CHECK(bytes_of(folder / "b") == bytes_of(folder / "a"));
    std::filesystem::remove(folder / "b");
    CHECK(extract(folder / "videos", folder / "b", {"--threads", threads}).code == 1);
    CHECK(bytes_of(folder / "b") == bytes_of(folder / "a"));
  }
}

/// Children of a process that a filter of system calls confines.
std::vector<pid_t> confined_children(pid_t parent) {
  std::vector<pid_t> found;
  std::error_code gone;
  for (auto const& entry : std::filesystem::directory_iterator("/proc", gone)) {
    std::string const status = bytes_of(entry.path() / "status");
    if (contains(status, "\nPPid:\t" + std::to_string(parent) + "\n") && contains(status, "\nSeccomp:\t2\n"))
      found.push_back(static_cast<pid_t>(std::stol(entry.path().filename().string())));
  }
  return found;
}

TEST_CASE("extract: decoding processes that are killed cost the videos at hand at most, and none stays behind") {
  temporary_folder const folder;
  std::filesystem::path const videos = write_many(folder);
  running_program program(
      scale_file(),
      words({{"extract", videos, "--out", folder / "s.store", "--json"}, small_views("lin", 8), {"--threads", "2"}}));
  std::vector<pid_t> seen;
  for (int kills = 0; kills < 5; ++kills) {
    std::vector<pid_t> now;
    bool const running = program.wait_until([&] {
      now = confined_children(program.process());
      return contains(program.error_output(), "done") && !now.empty();
    });
    if (!running) break;
    seen.insert(seen.end(), now.begin(), now.end());
    ::kill(now.front(), SIGSEGV);
  }
  outcome const done = program.wait();
  INFO("it said: ", done.err);
  CHECK(!seen.empty());
  CHECK(done.code <= 1);
  json const summary = done.json_lines().at(0);
  CHECK(summary.at("videos").get<int>() + summary.at("failed").get<int>() == many);
  CHECK(summary.at("failed").get<int>() <= 5);
  for (json const& failure : summary.at("failures"))
    CHECK(contains(failure.at("reason").get<std::string>(), "signal 11"));
  for (pid_t const process : seen) CHECK(::kill(process, 0) == -1);
}

TEST_CASE("the word of decoding processes is not for users") { CHECK(scale_program({"--decode-worker"}).code == 2); }

}  // namespace
