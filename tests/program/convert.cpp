// SPDX-License-Identifier: Apache-2.0
// scale convert: weights of every kind to .safetensors and .pth; and what scale inspect says of them.
#include <scale/io/json.hpp>
#include <scale/io/sha256.hpp>
#include <scale/io/weights_file.hpp>

#include "io/temporary_folder.hpp"
#include "program/run_program.hpp"
#include "support/shared_data.hpp"
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace {

using namespace testing;
using nlohmann::json;
using list = std::vector<std::string>;

json expected_files() { return scale::read_json(golden("weights/expected.json")).at("files"); }

json convert(list const& arguments) {
  list all = {"convert", "--json"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  outcome const done = scale_program(all);
  INFO("it said: ", done.err);
  REQUIRE(done.code == 0);
  REQUIRE(done.json_lines().size() == 1);
  return done.json_lines()[0];
}

void expect_refused(list const& arguments, int code, std::string const& about) {
  list all = {"convert"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  outcome const done = scale_program(all);
  INFO("it said: ", done.err);
  CHECK(done.code == code);
  CHECK(done.out.empty());
  CHECK(contains(done.err, about));
}

void expect_content(std::filesystem::path const& path, json const& tensors) {
  scale::weights_file const file(path);
  CHECK(file.tensors().size() == tensors.size());
  for (scale::stored_tensor const& tensor : file.tensors()) {
    INFO("tensor: ", tensor.name);
    REQUIRE(tensors.contains(tensor.name));
    CHECK(scale::sha256_hex(tensor.bytes) == tensors.at(tensor.name).at("sha256").get<std::string>());
    CHECK(tensor.shape == tensors.at(tensor.name).at("shape").get<std::vector<scale::index_t>>());
    CHECK(name_of(tensor.type) == tensors.at(tensor.name).at("dtype").get<std::string>());
  }
}

}  // namespace

TEST_CASE("convert: every kind to both, and back, bit for bit") {
  temporary_folder const folder;
  json const files = expected_files();
  for (char const* const name : {"flat.pth", "flat_legacy.pth", "strided.pth", "flat_streamed.pth", "module.pth",
                                 "flat.safetensors", "sharded/model.safetensors.index.json", "flat_deflate.npz"}) {
    INFO("file: ", name);
    std::string const source = golden("weights") / name;
    json const& tensors = files.at(name).at("tensors");
    json const said = convert({source, folder / "out.safetensors"});
    CHECK(said.at("container") == "safetensors");
    CHECK(said.at("tensors") == tensors.size());
    expect_content(folder / "out.safetensors", tensors);
    convert({source, folder / "out.pth"});
    expect_content(folder / "out.pth", tensors);
    std::string const first = bytes_of(folder / "out.pth");
    convert({folder / "out.safetensors", folder / "back.pth"});
    expect_content(folder / "back.pth", tensors);
    convert({folder / "out.pth", folder / "again.pth"});
    CHECK(bytes_of(folder / "again.pth") == first);
  }
}

TEST_CASE("convert: names are paths, or those of a group; --strip takes what begins so") {
  temporary_folder const folder;
  auto const names = [&](list arguments) {
    std::string const out = folder / "out.safetensors";
    arguments.push_back(out);
    json const said = convert(arguments);
    list found;
    scale::safetensors_file const file(out);
    for (scale::stored_tensor const& tensor : file.tensors()) found.push_back(tensor.name);
    CHECK(said.at("tensors") == found.size());
    return found;
  };
  std::string const nested = golden("weights/nested.pth"), byol = golden("weights/byol.pyth");
  CHECK(names({nested}) == list{"list/0", "list/1/x"});
  CHECK(names({nested, "--group", "list/1"}) == list{"x"});
  CHECK(names({golden("weights/blobs_python2.pkl")}).front() == "conv1_bn_b");
  CHECK(names({golden("weights/c.npy")}) == list{"c"});
  CHECK(names({byol, "--group", "model_state", "--strip", "backbone_hist."}).size() == 9);
  CHECK(names({byol, "--strip", "backbone_hist.ssl_"}) == list{"128.weight"});
  json const said = convert({byol, folder / "out.pth", "--strip", "backbone."});
  CHECK(said.at("tensors_left_out") == 13);
  CHECK(said.at("values_left_out") == 1);
  expect_refused({nested, folder / "new.pth", "--group", "absent"}, 2, "'list/1'");
  expect_refused({nested, folder / "new.pth", "--strip", "absent"}, 2, "--strip");
}

TEST_CASE("convert: other files are not replaced, and what the target cannot hold is refused by name") {
  temporary_folder const folder;
  std::string const source = golden("weights/module.pth");
  auto const other = folder.write("other.pth", "a letter");
  expect_refused({source, other}, 2, "other.pth");
  CHECK(bytes_of(other) == "a letter");
  expect_refused({source, folder.write("other.safetensors", "a letter")}, 2, "other.safetensors");
  expect_refused({source, folder / "out.onnx"}, 2, ".safetensors");
  expect_refused({source, source}, 2, "another file");
  convert({source, folder / "out.pth"});
  convert({source, folder / "out.pth"});  // its own kind is replaced
  expect_refused({source, folder / "absent" / "out.pth"}, 2, "absent");
  expect_refused({golden("weights/new_dtypes.pth"), folder / "new.pth"}, 3, "'u16'");
  convert({golden("weights/new_dtypes.pth"), folder / "new.safetensors"});
  expect_refused({golden("weights/hostile/os_system.pth"), folder / "new2.pth"}, 3, "posix.system");
  expect_refused({folder / "missing.pth", folder / "new2.pth"}, 3, "missing.pth");
  CHECK(!std::filesystem::exists(folder / "new.pth"));
  CHECK(!std::filesystem::exists(folder / "new2.pth"));
}

TEST_CASE("inspect: weights of every kind: container, groups, tensors, values") {
  json const files = expected_files();
  for (auto const& [name, expected] : files.items()) {
    outcome const done = scale_program({"inspect", "--json", golden("weights") / name});
    INFO("file: ", name, ": ", done.out, done.err);
    CHECK(done.code == 0);
    REQUIRE(done.json_lines().size() == 1);
    json const said = done.json_lines()[0];
    CHECK(said.at("whole") == true);
    CHECK(said.at("container") == expected.at("container"));
    if (said.at("container") == "npy") {
      CHECK(said.at("shape") == expected.at("tensors").at("").at("shape"));
      continue;
    }
    CHECK(said.at("count") == expected.at("tensors").size());
    for (auto const& [tensor, e] : expected.at("tensors").items()) {
      CHECK(said.at("tensors").at(tensor).at("dtype") == e.at("dtype"));
      CHECK(said.at("tensors").at(tensor).at("shape") == e.at("shape"));
    }
    if (!expected.contains("values")) continue;
    for (auto const& [path, value] : expected.at("values").items())
      if (value == "opaque")
        CHECK(said.at("values").at(path).get<std::string>().starts_with("opaque"));
      else
        CHECK(said.at("values").at(path) == value);
  }
}

TEST_CASE("inspect: hostile weights are not whole, and say why") {
  json const files = scale::read_json(golden("weights/hostile/expected.json")).at("files");
  list arguments = {"inspect", "--json"};
  for (auto const& [name, expected] : files.items())
    if (expected.at("expect") == "refuse") arguments.push_back(golden("weights/hostile") / name);
  outcome const done = scale_program(arguments);
  INFO("it said: ", done.err);
  CHECK(done.code == 3);
  auto const lines = done.json_lines();
  REQUIRE(lines.size() == arguments.size() - 2);
  for (json const& line : lines) {
    INFO("line: ", line.dump());
    CHECK(line.at("whole") == false);
    CHECK(line.contains("error"));
  }
}
