// SPDX-License-Identifier: Apache-2.0
// scale verify: golden files pass, changed ones fail by name, damaged ones are refused.
#include "program/small_videos.hpp"
#include "support/shared_data.hpp"
#include <doctest/doctest.h>

#include <regex>

namespace {

using namespace testing;
using nlohmann::json;
using list = std::vector<std::string>;

list some_golden_files() {
  list files;
  for (char const* name : {"knn_5", "layer_softmax", "lr_schedule_30", "positions_lin", "scale_forward_one_clip"})
    files.push_back(golden(std::string("scale/") + name + ".safetensors"));
  return files;
}

TEST_CASE("verify: a line per file, then how many passed, on every backend") {
  for (std::string const backend : {"cpu", "ref"}) {
    list const files = some_golden_files();
    outcome const done = scale_program(words({{"verify", "--backend", backend}, files}));
    INFO(backend, ": ", done.out, done.err);
    CHECK(done.code == 0);
    auto const lines = lines_of(done.out);
    REQUIRE(lines.size() == files.size() + 1);
    for (std::size_t i = 0; i < files.size(); ++i) {
      std::string const name = std::filesystem::path(files[i]).stem();
      CHECK(std::regex_match(lines[i], std::regex("PASS " + name + R"( worst=[0-9.e+-]+ limit=[0-9.e+-]+)")));
    }
    CHECK(lines.back() == std::to_string(files.size()) + " passed, 0 failed");
  }
}

TEST_CASE("verify: a folder stands for the golden files in it, in order") {
  temporary_folder const folder;
  folder.write("b/knn_1.safetensors", bytes_of(golden("scale/knn_1.safetensors")));
  folder.write("a/layer_relu.safetensors", bytes_of(golden("scale/layer_relu.safetensors")));
  outcome const done = scale_program({"verify", folder.path()});
  CHECK(done.code == 0);
  auto const lines = lines_of(done.out);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].starts_with("PASS layer_relu "));
  CHECK(lines[1].starts_with("PASS knn_1 "));
  CHECK(lines[2] == "2 passed, 0 failed");
}

TEST_CASE("verify: with --json an object per file and one for all") {
  outcome const done = scale_program(words({{"verify", "--json"}, some_golden_files()}));
  CHECK(done.code == 0);
  auto const lines = done.json_lines();
  REQUIRE(lines.size() == 6);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(lines[i].at("passed") == true);
    CHECK(lines[i].at("worst").get<double>() <= lines[i].at("limit").get<double>());
  }
  CHECK(lines[5].at("passed") == 5);
  CHECK(lines[5].at("failed") == 0);
}

TEST_CASE("verify: a changed value fails: exit code 1, the first tensor that differs; the others go on") {
  temporary_folder const folder;
  std::string const softmax = bytes_of(golden("scale/layer_softmax.safetensors"));
  // Tensors grad/x and y, in this order, are the file's last 576 bytes; 7 is the last byte of a little-endian double.
  std::ptrdiff_t const grad_x = -576 + 7, y = -288 + 7;
  std::vector<std::pair<std::string, std::string>> const cases = {{with_damage(softmax, grad_x), "grad/x"},
                                                                  {with_damage(softmax, y), "y"}};
  for (auto const& [bytes, tensor] : cases) {
    std::string const file = folder.write("softmax.safetensors", bytes);
    outcome const done = scale_program({"verify", file, golden("scale/layer_relu.safetensors")});
    INFO("it said: ", done.out, done.err);
    CHECK(done.code == 1);
    auto const lines = lines_of(done.out);
    REQUIRE(lines.size() == 3);
    CHECK(lines[0].starts_with("FAIL softmax "));
    CHECK(std::regex_search(lines[0], std::regex("\\b" + tensor + "\\b")));
    CHECK(lines[1].starts_with("PASS layer_relu "));
    CHECK(lines[2] == "1 passed, 1 failed");

    outcome const as_json = scale_program({"verify", file, "--json"});
    CHECK(as_json.code == 1);
    auto const objects = as_json.json_lines();
    REQUIRE(objects.size() == 2);
    CHECK(objects[0].at("passed") == false);
    CHECK(contains(objects[0].dump(), tensor));
  }
}

TEST_CASE("verify: a damaged golden file and what is none fail by name, and the others go on: exit code 1") {
  temporary_folder const folder;
  std::string const whole = bytes_of(golden("scale/layer_softmax.safetensors"));
  for (std::string const& bytes : {whole.substr(0, whole.size() - 1), whole.substr(0, 100), std::string("text"),
                                   std::string(), bytes_of(small_collection::get().model())}) {
    std::string const file = folder.write("case.safetensors", bytes);
    outcome const done = scale_program({"verify", file, golden("scale/layer_relu.safetensors")});
    INFO(bytes.size(), " bytes: ", done.out, done.err);
    CHECK(done.code == 1);
    auto const lines = lines_of(done.out);
    REQUIRE(lines.size() == 3);
    CHECK(lines[0].starts_with("FAIL case "));
    CHECK(contains(lines[0], file));
    CHECK(lines[1].starts_with("PASS layer_relu "));
    CHECK(lines[2] == "1 passed, 1 failed");
  }
}

TEST_CASE("verify: a backbone's golden file: stages and feature of a network whose weights are filled") {
  outcome const done = scale_program({"verify", golden("backbones/mc3_18_9x57x75.safetensors")});
  INFO("it said: ", done.out, done.err);
  CHECK(done.code == 0);
  CHECK(contains(done.out, "PASS mc3_18_9x57x75 "));
}

TEST_CASE("verify: a backbone in bf16, within bounds of its own") {
  std::vector<double> worst;
  for (std::string const dtype : {"f32", "bf16"}) {
    outcome const done =
        scale_program({"verify", golden("backbones/mc3_18_9x57x75.safetensors"), "--json", "--dtype", dtype});
    INFO(dtype, ": ", done.out, done.err);
    CHECK(done.code == 0);
    worst.push_back(done.json_lines().at(0).at("worst").get<double>());
  }
  CHECK(worst[1] > 100 * worst[0]);
}

TEST_CASE("verify: a folder without golden files is refused: exit code 3, its name") {
  temporary_folder const folder;
  outcome const done = scale_program({"verify", folder.path()});
  CHECK(done.code == 3);
  CHECK(contains(done.err, folder.path().string()));
}

TEST_CASE("verify: networks on clips; weights that a case only names are found beside it or given") {
  outcome const filled = scale_program({"verify", golden("backbones/r3d_18_9x57x75.safetensors")});
  CHECK_MESSAGE(filled.code == 0, filled.out);
  auto const named = shared_data("golden/backbones/mobilenet_v2_cat.safetensors");
  auto const weights = shared_data("data/weights/mobilenet_v2_1.0_224.safetensors");
  if (!named || !weights) return;
  temporary_folder const folder;
  std::string const away = folder.write("a/b/cat.safetensors", bytes_of(*named));
  CHECK(scale_program({"verify", *named}).code == 0);
  outcome const lost = scale_program({"verify", away});
  CHECK(lost.code == 1);
  CHECK(contains(lost.out, "mobilenet_v2_1.0_224.safetensors, where there is no file; give them with --weights"));
  CHECK(scale_program({"verify", away, "--weights", *weights}).code == 0);
}

}  // namespace
