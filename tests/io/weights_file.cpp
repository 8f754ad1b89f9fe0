// SPDX-License-Identifier: Apache-2.0
#include <scale/io/json.hpp>
#include <scale/io/sha256.hpp>
#include <scale/io/weights_file.hpp>

#include "io/allocation_peak.hpp"
#include "io/temporary_folder.hpp"
#include "io/weights_folders.hpp"
#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace {

using namespace testing;
using nlohmann::json;
using scale::input_error;
using scale::stored_tensor;
using scale::weights_file;

static_assert(scale::grouped_weight_source<weights_file>);
static_assert(std::is_nothrow_move_constructible_v<scale::mapped_file>);

json as_json(scale::weight_value const& value) {
  return std::visit(
      []<class T>(T const& v) -> json {
        if constexpr (std::is_same_v<T, std::monostate>)
          return nullptr;
        else if constexpr (std::is_same_v<T, scale::large_integer>)
          return v.digits;
        else if constexpr (std::is_same_v<T, scale::opaque_value>)
          return "opaque: " + v.what;
        else
          return v;
      },
      value);
}

void expect_tensors(weights_file const& file, json const& expected) {
  CHECK(file.tensors().size() == expected.size());
  for (stored_tensor const& tensor : file.tensors()) {
    INFO("tensor: ", tensor.name);
    REQUIRE(expected.contains(tensor.name));
    json const& e = expected.at(tensor.name);
    CHECK(name_of(tensor.type) == e.at("dtype").get<std::string>());
    CHECK(tensor.shape == e.at("shape").get<std::vector<scale::index_t>>());
    CHECK(scale::sha256_hex(tensor.bytes) == e.at("sha256").get<std::string>());
  }
}

/// A bare "opaque" stands for a value that has no word of its own.
void expect_values(weights_file const& file, json const& expected) {
  auto const values = file.values();
  CHECK(values.size() == expected.size());
  for (scale::named_value const& value : values) {
    INFO("value: ", value.path);
    REQUIRE(expected.contains(value.path));
    json const& e = expected.at(value.path);
    if (e == "opaque")
      CHECK(std::holds_alternative<scale::opaque_value>(value.value));
    else
      CHECK(as_json(value.value) == e);
  }
}

void expect_groups(weights_file const& file) {
  std::size_t tensors = 0;
  std::map<std::string, std::string> sums;
  for (stored_tensor const& tensor : file.tensors()) sums[tensor.name] = scale::sha256_hex(tensor.bytes);
  for (scale::weight_group const& group : file.groups()) {
    CHECK(!group.tensors.empty());
    for (stored_tensor const& tensor : group.tensors) {
      ++tensors;
      std::string const name = group.path.empty() ? tensor.name : group.path + "/" + tensor.name;
      INFO("tensor: ", name);
      CHECK(sums.at(name) == scale::sha256_hex(tensor.bytes));
    }
  }
  CHECK(tensors == file.tensors().size());
}

std::vector<std::string> names_of(std::span<stored_tensor const> tensors) {
  std::vector<std::string> out;
  for (stored_tensor const& tensor : tensors) out.push_back(tensor.name);
  return out;
}

}  // namespace

TEST_CASE("weights_file: files of every kind, bit for bit, with the values beside the tensors") {
  for (std::filesystem::path const& folder : weights_folders()) {
    json const all = scale::read_json(folder / "expected.json").at("files");
    CHECK(all.size() >= 41);
    for (auto const& [name, expected] : all.items()) {
      INFO("file: ", (folder / name).string());
      weights_file opened(folder / name);
      weights_file const file = std::move(opened);  // what tensors borrow from moves along
      CHECK(name_of(file.kind()) == expected.at("container").get<std::string>());
      expect_tensors(file, expected.at("tensors"));
      expect_values(file, expected.contains("values") ? expected.at("values") : json::object());
      expect_groups(file);
    }
  }
}

TEST_CASE("weights_file: tensors lie in groups, under their keys there") {
  weights_file const student(golden("weights/student.pth"));
  REQUIRE(student.groups().size() == 6);
  CHECK(student.groups()[0].path == "student");
  CHECK(names_of(student.groups()[0].tensors).front() == "conv.weight");
  CHECK(student.groups()[1].path == "optimizer/state/0");
  CHECK(names_of(student.groups()[1].tensors) == std::vector<std::string>{"step", "exp_avg", "exp_avg_sq"});
  weights_file const nested(golden("weights/nested.pth"));
  CHECK(nested.groups()[0].path == "list");
  CHECK(names_of(nested.groups()[0].tensors) == std::vector<std::string>{"0"});
  CHECK(nested.groups()[1].path == "list/1");
  weights_file const flat(golden("weights/flat.pth"));
  REQUIRE(flat.groups().size() == 1);
  CHECK(flat.groups()[0].path.empty());
  CHECK(names_of(flat.groups()[0].tensors) == names_of(flat.tensors()));
}

TEST_CASE("weights_file: contiguous tensors lie in the mapping, the others in copies") {
  std::size_t const peak = peak_of([] { weights_file const file(golden("weights/many.pth")); });
  CHECK(peak < (std::size_t{1} << 20));
  weights_file const file(golden("weights/strided.pth"));
  std::map<std::string, stored_tensor> by_name;
  for (stored_tensor const& tensor : file.tensors()) by_name[tensor.name] = tensor;
  CHECK(by_name.at("same").bytes.data() == by_name.at("whole").bytes.data());
  CHECK(by_name.at("rows").bytes.data() == by_name.at("whole").bytes.data() + 16 * 4);
  std::byte const* const transposed = by_name.at("transposed").bytes.data();
  std::span<std::byte const> const whole = by_name.at("whole").bytes;
  bool const outside = transposed + 4 <= whole.data() || transposed >= whole.data() + whole.size();
  CHECK(outside);
}

TEST_CASE("weights_file: the hash is that of all bytes, an index's files among them") {
  temporary_folder const folder;
  std::filesystem::path const flat = golden("weights/flat.pth");
  CHECK(weights_file(flat).sha256() == scale::sha256_of_file(flat));
  for (auto const& entry : std::filesystem::directory_iterator(golden("weights/sharded")))
    std::filesystem::copy_file(entry.path(), folder / entry.path().filename());
  std::filesystem::path const index = folder / "model.safetensors.index.json";
  std::string const before = weights_file(index).sha256();
  CHECK(before != scale::sha256_of_file(index));
  CHECK(before == weights_file(index).sha256());
  std::string shard = read_text(folder / "model-00002-of-00002.safetensors");
  shard.back() = static_cast<char>(shard.back() ^ 1);
  folder.write("model-00002-of-00002.safetensors", shard);
  CHECK(weights_file(index).sha256() != before);
}

TEST_CASE("weights_file: the content decides, not the name") {
  temporary_folder const folder;
  std::map<std::string, std::string> const kinds = {
      {"flat.pth", "torch zip"},           {"flat_legacy.pth", "torch legacy"}, {"flat.npz", "npz"},
      {"flat.safetensors", "safetensors"}, {"blobs_python2.pkl", "pickle"},     {"c.npy", "npy"}};
  for (auto const& [name, kind] : kinds) {
    INFO("file: ", name);
    auto const other = folder.write("weights.bin", read_text(golden("weights") / name));
    CHECK(name_of(weights_file(other).kind()) == kind);
  }
}

TEST_CASE("weights_file: what is none says what it is") {
  temporary_folder const folder;
  auto const why = [&](std::string const& content) {
    return message_of<input_error>([&] { weights_file(folder.write("w.pth", content)); });
  };
  CHECK(contains(why(""), "empty file"));
  CHECK(contains(why("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"));
  CHECK(contains(why("<html>not found"), "<html>"));
  CHECK(contains(why("{\"a\": 1}"), "weight_map"));
  CHECK(contains(message_of<input_error>([&] { weights_file(folder / "absent.pth"); }), "absent.pth"));
  CHECK(contains(message_of<input_error>([&] { weights_file{folder.path()}; }), "folder"));
  CHECK(contains(why("\x80\x02"
                     "ctorch.nn.modules.linear\nLinear\n)\x81."),
                 "torch.nn.modules.linear.Linear"));
}
