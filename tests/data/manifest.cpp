// SPDX-License-Identifier: Apache-2.0
#include <scale/data/open_manifest.hpp>

#include "io/temporary_folder.hpp"
#include "support/shared_data.hpp"
#include <doctest/doctest.h>

#include <string>
#include <vector>

using scale::input_error;
using scale::manifest;
using scale::open_manifest;
using testing::contains;
using testing::message_of;
using testing::temporary_folder;

using namespace std::string_literals;

namespace {

std::vector<std::string> names_of(manifest const& m) {
  std::vector<std::string> out;
  for (auto const& entry : m.entries) out.push_back(entry.name);
  return out;
}

std::vector<int> labels_of(manifest const& m) {
  std::vector<int> out;
  for (auto const& entry : m.entries) out.push_back(entry.label);
  return out;
}

using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("manifest: CSV with names as labels, all columns kept, paths relative to its folder") {
  temporary_folder const folder;
  manifest const m = open_manifest(
      folder.write("m.csv", "label,path,split\nkick,a/1.avi,train\nhug,./b//2.avi,test\nkick,\"c,3.avi\",test\n"));
  CHECK(names_of(m) == texts{"a/1.avi", "b/2.avi", "c,3.avi"});
  CHECK(m.classes == texts{"hug", "kick"});
  CHECK(labels_of(m) == std::vector<int>{1, 0, 1});
  CHECK(m.columns == texts{"path", "label", "split"});
  CHECK(m.entries[1].columns == texts{"./b//2.avi", "hug", "test"});
  CHECK(m.entries[1].file == folder / "b/2.avi");
  CHECK(m.find_column("split") == 2u);
}

TEST_CASE("manifest: CSV with numbers as labels keeps them, and takes their names") {
  temporary_folder const folder;
  manifest const m = open_manifest(folder.write("m.csv", "path,label,label_name\na,4,punch\nb,2,kick\nc,4,punch\n"));
  CHECK(labels_of(m) == std::vector<int>{4, 2, 4});
  CHECK(m.classes == texts{"", "", "kick", "", "punch"});
  manifest const plain = open_manifest(folder.write("n.csv", "path,label\na,1\nb,0\n"));
  CHECK(plain.classes == texts{"0", "1"});
  manifest const unlabelled = open_manifest(folder.write("u.csv", "path,other\na,1\n"));
  CHECK(labels_of(unlabelled) == std::vector<int>{-1});
  CHECK(unlabelled.classes.empty());
  manifest const huge = open_manifest(folder.write("h.csv", "path,label\na,99999999999\nb,1\n"));  // names, then
  CHECK(huge.classes == texts{"1", "99999999999"});
}

TEST_CASE("manifest: what is wrong with a list is said, with its line") {
  temporary_folder const folder;
  auto const refused = [&](std::string const& name, std::string const& text, std::string const& part) {
    std::filesystem::path const path = folder.write(name, text);
    std::string const message = message_of<input_error>([&] { (void)open_manifest(path); });
    CHECK_MESSAGE(contains(message, part), message);
    CHECK(contains(message, path.string()));
  };
  refused("m.csv", "", "empty");
  refused("m.csv", "path,label\n", "no video");
  refused("m.csv", "file,label\na,1\n", "column 'path' is missing");
  refused("m.csv", "path,label\na,1\nb,2\n./a,1\n", "line 4: './a' occurs twice, first in");
  refused("m.csv", "path,label\na,1\nb,\n", "line 3: the label is empty");
  refused("m.csv", "path,label\n,1\n", "line 2: the path is empty");
  refused("m.csv", "path,label\n../a,1\n", "line 2: '../a' leads out");
  refused("m.csv", "path,label\nx/../../a,1\n", "leads out");
  refused("m.csv", "path,label\n/etc/passwd,1\n", "leads out");
  refused("m.csv", "path,label\nfolder/,1\n", "folder's name");
  refused("m.csv", "path,label\n.,1\n", "folder's name");
  refused("m.csv", "path,label,label_name\na,1,x\nb,1,y\n", "line 3: label 1 is named 'y'");
  refused("m.csv", std::string("path,label\na\0b,1\n", 17), "zero");
  refused("m.txt", "onlypath\n", "line 1");
  refused("m.txt", "\n\n", "no video");
  refused("m.md", "x", "expected a video, a folder, or a list");
  CHECK(contains(message_of<input_error>([&] { (void)open_manifest(folder / "none"); }), "nothing there"));
}

TEST_CASE("manifest: no name in a list leads out of its folder, whatever way it tries; with the option all may") {
  temporary_folder const outside, folder;
  outside.write("v.mp4", "x");
  outside.write("d/v.mp4", "x");
  std::filesystem::create_symlink(outside / "v.mp4", folder / "link.mp4");
  std::filesystem::create_symlink(outside / "d", folder / "link");
  std::filesystem::create_symlink(folder / "link.mp4", folder / "second.mp4");
  std::filesystem::create_symlink("../" + outside.path().filename().string() + "/v.mp4", folder / "relative.mp4");
  std::filesystem::create_symlink(folder / "loop.mp4", folder / "loop.mp4");
  std::filesystem::create_symlink("real.mp4", folder / "inside.mp4");
  folder.write("real.mp4", "x");
  std::string const absolute = (folder / "real.mp4").string();
  for (std::string const& path : {std::string("../v.mp4"), std::string("a/../../v.mp4"), std::string(".././v.mp4"),
                                  std::string("/etc/passwd"), std::string("//etc/passwd"), absolute,
                                  std::string("link.mp4"), std::string("link/v.mp4"), std::string("link/none.mp4"),
                                  std::string("second.mp4"), std::string("relative.mp4"), std::string("x/../link.mp4")})
    for (std::string const& list : {"path,label\n" + path + ",1\n", path + " 1\n"}) {
      INFO("path: ", path);
      std::filesystem::path const file = folder.write(list.front() == 'p' && list[4] == ',' ? "l.csv" : "l.txt", list);
      CHECK(contains(message_of<input_error>([&] { (void)open_manifest(file); }), "leads out of the folder"));
      CHECK(open_manifest(file, {.outside = scale::outside_paths::allowed}).entries.size() == 1);
    }
  for (std::string const path : {"real.mp4", "inside.mp4", "a/../real.mp4", "none.mp4", "none/v.mp4", "loop.mp4"})
    CHECK(open_manifest(folder.write("l.csv", "path,label\n" + path + ",1\n")).entries.size() == 1);
  for (std::string const& text : {"path,label\na\0b,1\n"s, "a\0b 1\n"s})
    CHECK_THROWS_AS((void)open_manifest(folder.write("l.csv", text)), input_error);
  CHECK(open_manifest(folder / "link.mp4").entries.size() == 1);  // named by the user, not by a list
}

TEST_CASE("manifest: paths outside, where they are allowed; a root of one's own") {
  temporary_folder const folder;
  std::filesystem::path const list = folder.write("lists/m.csv", "path,label\n../a.avi,1\n/x/b.avi,0\n");
  manifest const m = open_manifest(list, {.outside = scale::outside_paths::allowed});
  CHECK(names_of(m) == texts{"../a.avi", "/x/b.avi"});
  CHECK(m.entries[1].file == "/x/b.avi");
  manifest const r = open_manifest(folder.write("r.csv", "path,label\na.avi,1\n"), {.root = "/videos"});
  CHECK(r.entries[0].file == "/videos/a.avi");
}

TEST_CASE("manifest: a folder is scanned in bytewise order, a video is itself") {
  temporary_folder const folder;
  for (char const* name :
       {"v/b.MP4", "v/a/z.avi", "v/B.mkv", "v/a.webm", "v/note.txt", "v/.hidden.mp4", "v/.git/x.mp4"})
    folder.write(name, "x");
  manifest const m = open_manifest(folder / "v");
  CHECK(names_of(m) == texts{"B.mkv", "a.webm", "a/z.avi", "b.MP4"});
  CHECK(m.entries[2].file == folder / "v/a/z.avi");
  CHECK(labels_of(m) == std::vector<int>{-1, -1, -1, -1});
  CHECK(m.columns == texts{"path"});
  manifest const one = open_manifest(folder / "v/b.MP4");
  CHECK(names_of(one) == texts{"b.MP4"});
  CHECK(one.entries[0].file == folder / "v/b.MP4");
  std::filesystem::create_directory(folder / "empty");
  CHECK(contains(message_of<input_error>([&] { (void)open_manifest(folder / "empty"); }), "no file under this folder"));
}

TEST_CASE("manifest: a folder of folders with videos and nothing deeper has these as classes") {
  temporary_folder const folder;
  for (char const* name : {"v/run/b.avi", "v/run/a.avi", "v/Hug/c.avi", "v/Hug/notes.txt"}) folder.write(name, "x");
  manifest const m = open_manifest(folder / "v");
  CHECK(m.classes == texts{"Hug", "run"});
  CHECK(m.columns == texts{"path", "label_name"});
  CHECK(names_of(m) == texts{"Hug/c.avi", "run/a.avi", "run/b.avi"});
  CHECK(labels_of(m) == std::vector<int>{0, 1, 1});
  CHECK(m.entries[0].columns == texts{"Hug/c.avi", "Hug"});
  for (char const* name : {"v/top.avi", "v/run/deeper/d.avi"}) {
    folder.write(name, "x");
    CHECK(open_manifest(folder / "v").classes.empty());
    std::filesystem::remove(folder / name);
  }
  CHECK(open_manifest(folder / "v").classes.size() == 2);
  std::filesystem::remove(folder / "v/Hug/c.avi");
  CHECK(open_manifest(folder / "v").classes.empty());  // one folder is no class
}

TEST_CASE("manifest: path and label, split at the last separator") {
  temporary_folder const folder;
  manifest const m = open_manifest(folder.write("a.txt", "my video.avi 3\r\nb.avi\t0\n\n"));
  CHECK(names_of(m) == texts{"my video.avi", "b.avi"});
  CHECK(labels_of(m) == std::vector<int>{3, 0});
  CHECK(names_of(open_manifest(folder.write("b.list", "a b.avi::hug\nc::kick me\n"))) == texts{"a b.avi", "c"});
  CHECK(names_of(open_manifest(folder.write("c.csv", "x/a.avi 1\nx/b.avi 0\n"))) == texts{"x/a.avi", "x/b.avi"});
}

TEST_CASE("manifest: UCF101") {
  temporary_folder const folder;
  folder.write("classInd.txt", "1 ApplyEyeMakeup\r\n2 HandstandPushups\r\n");
  manifest const train = open_manifest(
      folder.write("trainlist01.txt", "HandstandPushups/v_HandStandPushups_g08_c01.avi 2\nApplyEyeMakeup/v_a.avi 1\n"));
  CHECK(labels_of(train) == std::vector<int>{1, 0});
  CHECK(train.entries[0].name == "HandstandPushups/v_HandStandPushups_g08_c01.avi");
  CHECK(train.entries[0].columns == texts{train.entries[0].name, "HandstandPushups", "train"});
  CHECK(train.classes == texts{"ApplyEyeMakeup", "HandstandPushups"});
  manifest const test = open_manifest(folder.write("testlist01.txt", "ApplyEyeMakeup/v_b.avi\r\n"));
  CHECK(test.entries[0].columns[2] == "test");
  auto const refused = [&](std::string const& text, std::string const& part) {
    std::string const message =
        message_of<input_error>([&] { (void)open_manifest(folder.write("trainlist02.txt", text)); });
    CHECK_MESSAGE(contains(message, part), message);
  };
  refused("Nope/v.avi 1\n", "not in classInd");
  refused("ApplyEyeMakeup/v.avi 2\n", "differs from classInd");
  folder.write("classInd.txt", "0 ApplyEyeMakeup\n");
  refused("ApplyEyeMakeup/v.avi 1\n", "expected '1 ClassName'");
  std::filesystem::remove(folder / "classInd.txt");
  refused("ApplyEyeMakeup/v.avi 1\n", "classInd.txt");
}

TEST_CASE("manifest: HMDB51") {
  temporary_folder const folder;
  folder.write("wave_test_split1.txt", "a#(1).avi 1 \nb.avi 2 \nc.avi 0 \n");
  folder.write("wave_test_split2.txt", "c.avi 1 \n");
  std::filesystem::path const one = folder.write("brush_hair_test_split1.txt", "x&y.avi 2 \n");
  manifest const m = open_manifest(one);
  CHECK(m.classes == texts{"brush_hair", "wave"});
  CHECK(names_of(m) == texts{"brush_hair/x&y.avi", "wave/a#(1).avi", "wave/b.avi"});
  CHECK(labels_of(m) == std::vector<int>{0, 1, 1});
  CHECK(m.entries[1].columns[2] == "train");
  CHECK(m.entries[2].columns[2] == "test");
  CHECK(m.entries[2].file == folder / "wave/b.avi");
  CHECK_THROWS_AS((void)scale::read_hmdb51_manifest(folder.path(), 3), input_error);
  folder.write("wave_test_split1.txt", "a.avi 3\n");
  CHECK(contains(message_of<input_error>([&] { (void)open_manifest(one); }), "0, 1 or 2"));
}

TEST_CASE("manifest: Something-Something v2") {
  temporary_folder const folder;
  std::string const list =
      R"([{"id":"7","label":"holding a cup","template":"Holding [something]","placeholders":["a cup"]},
    {"id":"9","label":"z","template":"Closing [something]","placeholders":[]}])";
  manifest const m = open_manifest(folder.write("train.json", list));
  CHECK(names_of(m) == texts{"7.webm", "9.webm"});
  CHECK(m.classes == texts{"Closing something", "Holding something"});
  CHECK(labels_of(m) == std::vector<int>{1, 0});
  folder.write("labels.json", R"({"Holding something":"0","Closing something":"1"})");
  CHECK(labels_of(open_manifest(folder / "train.json")) == std::vector<int>{0, 1});
  CHECK(labels_of(open_manifest(folder.write("test.json", R"([{"id":"3"}])"))) == std::vector<int>{-1});
  folder.write("labels.json", R"({"Holding something":"0","Closing something":"0"})");
  CHECK_THROWS_AS((void)open_manifest(folder / "train.json"), input_error);
  folder.write("labels.json", R"({"Holding something":"0"})");
  CHECK(contains(message_of<input_error>([&] { (void)open_manifest(folder / "train.json"); }), "not in labels.json"));
  CHECK_THROWS_AS((void)open_manifest(folder.write("x.json", "{}")), input_error);
  CHECK_THROWS_AS((void)open_manifest(folder.write("x.json", "[]")), input_error);
  CHECK_THROWS_AS((void)open_manifest(folder.write("x.json", "[{\"id\":3}]")), input_error);
  CHECK_THROWS_AS((void)open_manifest(folder.write("x.json", "[1")), input_error);
}

TEST_CASE("manifest: Kinetics, official and as the released code has it") {
  temporary_folder const folder;
  manifest const m = open_manifest(folder.write(
      "train.csv",
      "label,youtube_id,time_start,time_end,split\nhug,-xY_z,20,30,train\n\"abseiling, high\",q,0,10,train\n"));
  CHECK(names_of(m) == texts{"-xY_z_000020_000030.mp4", "q_000000_000010.mp4"});
  CHECK(m.classes == texts{"abseiling, high", "hug"});
  CHECK(m.columns == texts{"path", "label", "youtube_id", "time_start", "time_end", "split"});
  CHECK(m.entries[0].columns[2] == "-xY_z");
  manifest const test = open_manifest(folder.write("test.csv", "youtube_id,time_start,time_end\nx,1,2\n"));
  CHECK(labels_of(test) == std::vector<int>{-1});
  CHECK_THROWS_AS((void)open_manifest(folder.write("bad.csv", "youtube_id,time_start,time_end\nx,one,2\n")),
                  input_error);
  manifest const meta = open_manifest(folder.write("val_meta.csv", "\"a/1\",x,y,\"hug\"\nb/2,x,y,arch\n"));
  CHECK(names_of(meta) == texts{"val_resized320/a/1.mp4", "val_resized320/b/2.mp4"});
  CHECK(meta.classes == texts{"arch", "hug"});
}

TEST_CASE("manifest: the UT-Interaction list") {
  auto const list = testing::shared_data("data/ut_interaction/manifest.csv");
  if (!list) return;
  manifest const m = open_manifest(*list);
  CHECK(m.entries.size() == 120);
  CHECK(m.classes.size() == 6);
  CHECK(m.columns == texts{"path", "label", "label_name", "sequence", "set"});
  for (auto const& entry : m.entries) {
    CHECK(std::filesystem::exists(entry.file));
    CHECK(m.classes[static_cast<std::size_t>(entry.label)] == entry.columns[2]);
  }
}
