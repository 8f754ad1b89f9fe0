// SPDX-License-Identifier: Apache-2.0
// What the program says of itself, and how it refuses what it was not made for.
#include "program/small_videos.hpp"
#include "support/shared_data.hpp"
#include <doctest/doctest.h>

#include <algorithm>

namespace {

using namespace testing;
using list = std::vector<std::string>;

/// Exit code 2, nothing on standard output, and an error that names `about`.
void expect_wrong_usage(list const& arguments, std::string const& about) {
  std::string line = "scale";
  for (std::string const& word : arguments) line += " " + word;
  INFO("command: ", line);
  outcome const done = scale_program(arguments);
  INFO("it said: ", done.err);
  CHECK(done.code == 2);
  CHECK(done.out.empty());
  CHECK(contains(done.err, about));
}

TEST_CASE("version and help are results: on standard output, exit code 0") {
  outcome const version = scale_program({"--version"});
  CHECK(version.code == 0);
  CHECK(version.out.starts_with("scale "));
  CHECK(version.err.empty());

  outcome const help = scale_program({"--help"});
  CHECK(help.code == 0);
  CHECK(help.err.empty());
  list const commands = {"bench",   "convert", "demo",     "embed", "extract", "info",
                         "inspect", "merge",   "pretrain", "probe", "verify"};
  for (std::string const& command : commands) CHECK_MESSAGE(contains(help.out, command), command);
}

TEST_CASE("help of each command lists its options, and those of all commands") {
  std::vector<std::pair<std::string, list>> const expected = {
      {"demo", {"--out", "--quick"}},
      {"extract",
       {"INPUT", "--backbone", "--weights", "--views", "--clips", "--out", "--pixels", "--frame-pool", "--size",
        "--frames", "--stride", "--passes", "--allow-damaged", "--blur", "--allow"}},
      {"pretrain",
       {"STORE", "--out", "--epochs", "--batch", "--resume", "--input", "--lr", "--wd", "--warmup", "--hidden",
        "--layers", "--mask-ratio", "--dropout", "--temperature", "--head-width"}},
      {"probe",
       {"--train", "--test", "--model", "--method", "--out", "--features", "--group", "--percent", "--probe-schedule",
        "--k"}},
      {"embed", {"INPUT", "--model", "--backbone", "--weights", "--out", "--features", "--no-normalise"}},
      {"inspect", {"FILE"}},
      {"verify", {"PATH"}},
      {"bench", {"step", "backbone", "decode"}},
      {"info", {}}};
  list const common = {"--backend", "--dtype", "--threads", "--seed", "--json", "--quiet", "--config", "--help"};
  for (auto const& [command, options] : expected) {
    outcome const help = scale_program({command, "--help"});
    CHECK(help.code == 0);
    CHECK(help.err.empty());
    for (std::string const& option : options) CHECK_MESSAGE(contains(help.out, option), command << " " << option);
  }
  outcome const help = scale_program({"--help"});
  for (std::string const& option : common) CHECK_MESSAGE(contains(help.out, option), option);
}

TEST_CASE("wrong usage: no command, none of that name, an option or a word that it does not take") {
  expect_wrong_usage({}, "subcommand");
  expect_wrong_usage({"nonsense"}, "nonsense");
  for (std::string const command :
       {"bench", "convert", "demo", "embed", "extract", "info", "inspect", "merge", "pretrain", "probe", "verify"})
    expect_wrong_usage({command, "--nonsense"}, "");
  expect_wrong_usage({"info", "--nonsense"}, "--nonsense");
  expect_wrong_usage({"info", "more"}, "more");
}

TEST_CASE("wrong usage of any command: exit code 2, the option is named, nothing is done") {
  temporary_folder const folder;
  std::string const out = folder / "out", store = small_collection::get().train_store(),
                    test = small_collection::get().test_store(), run = small_collection::get().run(),
                    videos = small_collection::get().videos();
  SUBCASE("common options") {
    expect_wrong_usage({"info", "--threads", "0"}, "--threads");
    expect_wrong_usage({"info", "--threads", "many"}, "--threads");
    expect_wrong_usage({"info", "--seed", "-1"}, "--seed");
    expect_wrong_usage({"verify", videos, "--backend", "tpu"}, "--backend");
    expect_wrong_usage({"verify", videos, "--dtype", "f8"}, "--dtype");
    expect_wrong_usage({"info", "--config"}, "--config");
  }
  SUBCASE("extract") {
    expect_wrong_usage({"extract", videos}, "--out");
    expect_wrong_usage({"extract", "--out", out}, "INPUT");
    expect_wrong_usage({"extract", videos, "--out", out, "--backbone", "none"}, "--backbone");
    expect_wrong_usage({"extract", videos, "--out", out, "--views", "none"}, "--views");
    expect_wrong_usage({"extract", videos, "--out", out, "--clips", "-1"}, "--clips");
    expect_wrong_usage({"extract", videos, "--out", out, "--stride", "-1"}, "--stride");
    expect_wrong_usage({"extract", videos, "--out", out, "--weights", "w.safetensors"}, "--weights");
    expect_wrong_usage({"extract", videos, "--out", out, "--backbone", "mobilenet_v2"}, "--weights");
    expect_wrong_usage({"extract", videos, "--out", out, "--frame-pool", "mean"}, "--frame-pool");
  }
  SUBCASE("pretrain") {
    expect_wrong_usage({"pretrain", store}, "--out");
    expect_wrong_usage({"pretrain", "--out", out}, "STORE");
    expect_wrong_usage({"pretrain", store, "--out", out, "--epochs", "some"}, "--epochs");
    expect_wrong_usage({"pretrain", store, "--out", out, "--epochs", "0"}, "epochs");
    expect_wrong_usage({"pretrain", store, "--out", out, "--input", "none"}, "--input");
    expect_wrong_usage({"pretrain", store, "--out", out, "--hidden", "33"}, "");
    expect_wrong_usage({"pretrain", store, "--out", out, "--mask-ratio", "2"}, "mask");
  }
  SUBCASE("probe") {
    expect_wrong_usage({"probe", "--test", test}, "--train");
    expect_wrong_usage({"probe", "--train", store}, "--test");
    expect_wrong_usage({"probe", "--train", store, "--test", test, "--group", "group"}, "--group");
    expect_wrong_usage({"probe", "--train", store, "--test", test, "--method", "magic"}, "magic");
    expect_wrong_usage({"probe", "--train", store, "--test", test, "--method", "finetune"}, "--model");
    expect_wrong_usage({"probe", "--train", store, "--test", test, "--model", run, "--features", "y"}, "--features");
    expect_wrong_usage({"probe", "--train", store, "--test", test, "--features", "cls"}, "--model");
    for (std::string const percent : {"0", "-5", "101"})
      expect_wrong_usage({"probe", "--train", store, "--test", test, "--percent", percent}, "--percent");
    expect_wrong_usage({"probe", "--train", store, "--test", test, "--probe-schedule", "none"}, "--probe-schedule");
  }
  SUBCASE("embed") {
    expect_wrong_usage({"embed", videos, "--out", out + ".npy"}, "--model");
    expect_wrong_usage({"embed", store, "--model", run}, "--out");
    expect_wrong_usage({"embed", store, "--model", run, "--out", out + ".npy", "--features", "y"}, "--features");
    expect_wrong_usage({"embed", store, "--model", run, "--out", out + ".txt"}, ".npy");
    expect_wrong_usage({"embed", store, "--model", run, "--out", out + ".npy", "--views", "lin"}, "--views");
    expect_wrong_usage({"embed", store, "--model", run, "--out", out + ".npy", "--backbone", "motion_energy"},
                       "--backbone");
  }
  SUBCASE("inspect, verify, bench") {
    expect_wrong_usage({"inspect"}, "FILE");
    expect_wrong_usage({"verify"}, "PATH");
    expect_wrong_usage({"bench"}, "subcommand");
    expect_wrong_usage({"bench", "nonsense"}, "");
    expect_wrong_usage({"bench", "step", "--dim", "0"}, "--dim");
    expect_wrong_usage({"bench", "decode"}, "PATH");
  }
  CHECK(folder.names().empty());
}

TEST_CASE("an error of usage does not show lines of source code") {
  outcome const done = scale_program({"probe", "--train", small_collection::get().train_store()});
  CHECK(done.code == 2);
  CHECK(!contains(done.err, ".hpp:"));
  CHECK(!contains(done.err, ".cpp:"));
}

TEST_CASE("a backend that is not compiled in, or has no device: exit code 4, and why") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  auto const info = scale_program({"info", "--json"}).json_lines().at(0);
  auto const& compiled_in = info.at("backends");
  std::vector<list> const commands = {
      words({{"extract", small.videos(), "--out", folder / "s.store"}, small_views("val", 3)}),
      {"pretrain", small.train_store(), "--out", folder / "run"},
      {"probe", "--train", small.train_store(), "--test", small.test_store()},
      {"embed", small.test_store(), "--model", small.run(), "--out", folder / "v.npy"},
      {"verify", golden("scale/layer_softmax.safetensors")},
      {"bench", "step", "--dim", "8", "--batch", "2"},
      {"bench", "backbone"},
      {"demo", "--quick", "--out", folder / "demo"}};
  for (std::string const backend : {"cuda", "opencl"}) {
    bool const there = std::count(compiled_in.begin(), compiled_in.end(), backend) != 0;
    if (there && !info.at(backend + "_devices").empty()) {
      MESSAGE("skipped: this machine has a device for " << backend);
      continue;
    }
    for (list const& command : commands) {
      outcome const done = scale_program(words({command, {"--backend", backend}}));
      INFO(command[0], " --backend ", backend, ": ", done.err);
      CHECK(done.out.empty());
      if (there && command[0] == "demo") {
        CHECK(done.code == 2);  // made for the processor alone
      } else {
        CHECK(done.code == 4);
        CHECK(contains(done.err, there ? "no CUDA device" : backend));
        if (!there) CHECK(contains(done.err, "cpu"));
      }
    }
  }
  CHECK(folder.names().empty());
}

TEST_CASE("an input that is not there: exit code 3, and its name") {
  small_collection const& small = small_collection::get();
  temporary_folder const folder;
  std::string const absent = folder / "absent";
  std::vector<list> const commands = {
      {"extract", absent, "--out", folder / "s.store"},
      {"extract", absent + ".mp4", "--out", folder / "s.store"},
      {"pretrain", absent, "--out", folder / "run"},
      {"probe", "--train", absent, "--test", small.test_store()},
      {"probe", "--train", small.train_store(), "--test", absent},
      {"probe", "--train", small.train_store(), "--test", small.test_store(), "--model", absent},
      {"embed", absent, "--model", small.run(), "--out", folder / "v.npy"},
      {"embed", small.test_store(), "--model", absent, "--out", folder / "v.npy"},
      {"inspect", absent},
      {"verify", absent},
      {"bench", "decode", absent},
      {"info", "--config", absent}};
  for (list const& command : commands) {
    outcome const done = scale_program(command);
    INFO(command[0], ": ", done.out, done.err);
    CHECK(done.code == 3);
    CHECK(contains(done.out + done.err, absent));
  }
  CHECK(folder.names().empty());
}

TEST_CASE("results that cannot be written: exit code 4, not success") {
  for (list const& command : std::vector<list>{{"info"}, {"info", "--json"}, {"--version"}}) {
    outcome const done = scale_program(command, {.output = "/dev/full"});
    INFO(command[0], ": ", done.err);
    CHECK(done.code == 4);
    CHECK(!done.err.empty());
  }
}

}  // namespace
