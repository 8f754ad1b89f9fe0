// SPDX-License-Identifier: Apache-2.0
#include <scale/io/json.hpp>
#include <scale/io/safetensors.hpp>
#include <scale/io/safetensors_writer.hpp>
#include <scale/io/sha256.hpp>

#include "io/temporary_folder.hpp"
#include "support/shared_data.hpp"
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <vector>

using scale::as_stored;
using scale::input_error;
using scale::safetensors_file;
using scale::stored_tensor;
using scale::stored_type;
using testing::contains;
using testing::message_of;
using testing::temporary_folder;

namespace {

std::string with_length(std::string const& header, std::string const& data = {}) {
  std::uint64_t const n = header.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &n, 8);
  return out + header + data;
}

std::string entry(std::string const& shape, std::string const& offsets, std::string const& type = "F32") {
  return R"({"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

std::string const sixteen(16, '\0');

std::string small_file(temporary_folder const& folder) {
  std::vector<float> const a = {1.5f, -2.f, 3.25f};
  std::vector<std::int32_t> const b = {7, -8};
  std::vector<stored_tensor> const tensors = {as_stored("layer.weight", {3, 1}, std::span<float const>(a)),
                                              as_stored("b", {2}, std::span<std::int32_t const>(b))};
  scale::write_safetensors(folder / "small", tensors, {{"format", "pt"}, {"k", "v"}});
  return testing::read_text(folder / "small");
}

}  // namespace

TEST_CASE("safetensors: what is written is read, in values, shapes, types and metadata") {
  temporary_folder const folder;
  std::vector<float> const a = {1.5f, -2.f, 3.25f, 0.f, 5.f, 1e-30f};
  std::vector<std::int64_t> const b = {1LL << 40};
  std::vector<scale::bf16> const c = {scale::bf16(0.5f), scale::bf16(-3.f)};
  std::vector<scale::f16> const d = {scale::f16(0.333f)};
  std::vector<stored_tensor> const tensors = {as_stored("z", {2, 3}, std::span<float const>(a)),
                                              as_stored("a\"\\\xc3\xa9", {}, std::span<std::int64_t const>(b)),
                                              as_stored("m", {1, 1, 1, 1, 1, 1, 2}, std::span<scale::bf16 const>(c)),
                                              as_stored("h", {1}, std::span<scale::f16 const>(d)),
                                              as_stored("none", {0, 4}, std::span<float const>())};
  scale::write_safetensors(folder / "t", tensors, {{"format", "pt"}, {"note", "line\nline"}});
  safetensors_file const file(folder / "t");
  CHECK(file.metadata() == std::map<std::string, std::string>{{"format", "pt"}, {"note", "line\nline"}});
  CHECK(file.tensors().size() == 5);
  CHECK(file.read<float>("z") == a);
  CHECK(file.at("z").shape == std::vector<scale::index_t>{2, 3});
  CHECK(file.read<std::int64_t>("a\"\\\xc3\xa9") == b);
  CHECK(file.at("a\"\\\xc3\xa9").shape.empty());
  CHECK(file.read<double>("m") == std::vector<double>{0.5, -3});
  CHECK(file.at("m").shape.size() == 7);
  CHECK(file.read<float>("h").front() == static_cast<float>(scale::f16(0.333f)));
  CHECK(file.at("none").size() == 0);
  CHECK(file.find("nope") == nullptr);
  CHECK(contains(message_of<input_error>([&] { (void)file.at("nope"); }), "'nope' is missing"));
  CHECK(folder.names() == std::vector<std::string>{"t"});
}

TEST_CASE("safetensors: the writer keeps the given order, aligns the data, and repeats itself byte for byte") {
  temporary_folder const folder;
  std::string const first = small_file(folder), second = small_file(folder);
  CHECK(first == second);
  std::uint64_t length = 0;
  std::memcpy(&length, first.data(), 8);
  CHECK(length % 8 == 0);
  std::string const header = first.substr(8, length);
  CHECK(header.substr(0, header.find_last_not_of(' ') + 1) ==
        R"({"__metadata__":{"format":"pt","k":"v"},)"
        R"("layer.weight":{"dtype":"F32","shape":[3,1],"data_offsets":[0,12]},)"
        R"("b":{"dtype":"I32","shape":[2],"data_offsets":[12,20]}})");
  CHECK(first.size() == 8 + length + 20);
}

TEST_CASE("safetensors: the writer refuses what the format forbids, and leaves no file") {
  temporary_folder const folder;
  std::vector<float> const a = {1, 2};
  auto const refused = [&](std::vector<stored_tensor> const& tensors) {
    CHECK_THROWS_AS(scale::write_safetensors(folder / "t", tensors), scale::argument_error);
    CHECK(folder.names().empty());
  };
  stored_tensor const good = as_stored("a", {2}, std::span<float const>(a));
  auto const named = [&](std::string const& name) {
    stored_tensor t = good;
    t.name = name;
    return std::vector<stored_tensor>{t};
  };
  refused({good, good});
  refused(named(""));
  refused(named("__metadata__"));
  refused(named("a\nb"));
  refused(named("\xff\xfe"));
  stored_tensor wrong = good;
  wrong.shape = {3};
  refused({wrong});
  wrong.shape = {-2};
  refused({wrong});
  CHECK_THROWS_AS((void)as_stored("a", {3}, std::span<float const>(a)), scale::argument_error);
}

TEST_CASE("safetensors: everything out of form is refused, and the file is named") {
  temporary_folder const folder;
  auto const refused = [&](std::string const& content, std::string const& part) {
    std::filesystem::path const path = folder.write("bad", content);
    std::string const message = message_of<input_error>([&] { safetensors_file const file(path); });
    CHECK_MESSAGE(contains(message, part), message);
    CHECK(contains(message, path.string()));
  };
  auto const header = [&](std::string const& text, std::string const& part) {
    refused(with_length(text, sixteen), part);
  };
  refused("", "0 bytes");
  refused(std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10), "at most 100000000");
  refused(std::string("\x64\0\0\0\0\0\0\0{}", 10), "behind the end");
  header("", "'{'");
  header(" {\"a\":" + entry("[4]", "[0,16]") + "}", "'{'");
  header("{\"a\":" + entry("[4]", "[0,16]") + "}\n", "spaces only");
  header("{\"a\":" + entry("[4]", "[0,16]") + "}\t ", "spaces only");
  header("{\"a\":" + entry("[4]", "[0,16]") + ",}", "not valid JSON");
  header(std::string("{\0}", 3), "zero byte");
  header("{\"a\":" + entry("[4]", "[0,16]") + ",\"a\":" + entry("[0]", "[16,16]") + "}", "occurs twice");
  header("{\"a\":" + entry("[4]", "[0,16]", "F33") + "}", "dtype 'F33'");
  header("{\"a\":" + entry("[4.0]", "[0,16]") + "}", "not whole");
  header("{\"a\":" + entry("[-4]", "[0,16]") + "}", "negative");
  header("{\"a\":" + entry("[[4]]", "[0,16]") + "}", "an array");
  header("{\"a\":" + entry("[5]", "[0,16]") + "}", "takes 20 bytes");
  header("{\"a\":" + entry("[4294967296,4294967296]", "[0,0]") + "}", "overflows");
  header("{\"a\":" + entry("[0,9223372036854775807,4]", "[0,0]") + "}", "overflows");
  header("{\"a\":" + entry("[2]", "[0,8]") + "}", "8 bytes behind the last tensor");
  header("{\"a\":" + entry("[2]", "[0,8]") + ",\"b\":" + entry("[3]", "[4,16]") + "}", "overlap or leave a hole");
  header("{\"a\":" + entry("[1]", "[0,4]") + ",\"b\":" + entry("[2]", "[8,16]") + "}", "overlap or leave a hole");
  header("{\"a\":" + entry("[4]", "[16,0]") + "}", "backwards");
  header("{\"a\":" + entry("[4]", "[0,16,16]") + "}", "3 data_offsets");
  header("{\"a\":" + entry("[4]", "[0]") + "}", "1 data_offsets");
  header("{\"a\":" + entry("[8]", "[0,32]") + "}", "cut short");
  header("{\"\":" + entry("[4]", "[0,16]") + "}", "empty");
  header("{\"a\\u0000b\":" + entry("[4]", "[0,16]") + "}", "control byte");
  header(R"({"a":{"dtype":"F32","shape":[4]}})", "expected dtype, shape and data_offsets");
  header(R"({"a":{"dtype":"F32","shape":[4],"shape":[4],"data_offsets":[0,16]}})", "second time");
  header(R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16],"more":1}})", "field 'more'");
  header(R"({"a":4})", "expected an object of objects");
  header(R"({"__metadata__":{"a":1}})", "expected texts only");
  header(R"({"__metadata__":{"a":"1","a":"2"}})", "twice");
  header(R"({"__metadata__":{"a":{"b":"c"}}})", "expected texts only");
  header(R"({"__metadata__":{},"__metadata__":{}})", "twice");
  header("{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + "}", "an array");
  refused(with_length("{\"a\":" + entry("[1]", "[0,1]", "BOOL") + "}", "\2"), "neither 0 nor 1");
  std::string many = "1";
  for (int i = 0; i < 64; ++i) many += ",1";
  refused(with_length("{\"a\":" + entry("[" + many + "]", "[0,4]") + "}", std::string(4, '\0')), "64 extents");
  CHECK(contains(message_of<input_error>([&] { safetensors_file const f(folder / "absent"); }), "cannot be opened"));
  CHECK(contains(message_of<input_error>([&] { safetensors_file const f(folder.path()); }), "regular file"));
}

TEST_CASE("safetensors: every truncation is refused; every flipped bit of the header is refused or stays in bounds") {
  temporary_folder const folder;
  std::string const whole = small_file(folder);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::filesystem::path const path = folder.write("cut", std::string_view(whole).substr(0, size));
    CHECK_THROWS_AS(safetensors_file const file(path), input_error);
  }
  std::uint64_t length = 0;
  std::memcpy(&length, whole.data(), 8);
  int opened = 0;
  for (std::size_t bit = 0; bit < (8 + length) * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    std::filesystem::path const path = folder.write("flip", damaged);
    try {
      safetensors_file const file(path);
      std::size_t total = 0;
      for (stored_tensor const& t : file.tensors()) total += t.bytes.size();
      CHECK(total == 20);
      ++opened;
    } catch (input_error const&) {
    }
  }
  CHECK(opened > 0);                                 // a letter of a name or of the metadata
  CHECK(opened < static_cast<int>(length * 8 / 2));  // most flips show
}

TEST_CASE("safetensors: conversions round once, and whole numbers stay what they are") {
  auto const stored = [](stored_type type, std::span<std::byte const> bytes) {
    stored_tensor t;
    t.name = "t";
    t.type = type;
    t.bytes = bytes;
    t.shape = {t.size()};
    return t;
  };
  std::vector<std::uint8_t> const e4m3 = {0x00, 0x38, 0xb8, 0x7e, 0x01, 0x7f, 0x40};
  std::vector<float> const from_e4m3 =
      scale::to_vector<float>(stored(stored_type::f8_e4m3, std::as_bytes(std::span(e4m3))));
  CHECK(from_e4m3[1] == 1.f);
  CHECK(from_e4m3[2] == -1.f);
  CHECK(from_e4m3[3] == 448.f);
  CHECK(from_e4m3[4] == 0x1p-9f);
  CHECK(from_e4m3[5] != from_e4m3[5]);
  CHECK(from_e4m3[6] == 2.f);
  std::vector<std::uint8_t> const e5m2 = {0x3c, 0x7b, 0x01};
  CHECK(scale::to_vector<float>(stored(stored_type::f8_e5m2, std::as_bytes(std::span(e5m2)))) ==
        std::vector<float>{1.f, 57344.f, 0x1p-16f});
  std::vector<double> const d = {1.0 + 0x1p-30};
  CHECK(scale::to_vector<float>(stored(stored_type::f64, std::as_bytes(std::span(d)))).front() == 1.f);
  std::vector<std::int64_t> const big = {1LL << 33};
  CHECK_THROWS_AS((void)scale::to_vector<std::int32_t>(stored(stored_type::i64, std::as_bytes(std::span(big)))),
                  input_error);
  CHECK_THROWS_AS((void)scale::to_vector<std::int32_t>(stored(stored_type::f64, std::as_bytes(std::span(d)))),
                  input_error);
  std::vector<std::uint64_t> const top = {(std::numeric_limits<std::uint64_t>::max)()};
  CHECK(scale::to_vector<std::uint64_t>(stored(stored_type::u64, std::as_bytes(std::span(top)))) == top);
}

TEST_CASE("safetensors: the golden files have the expected bytes, the hostile ones are refused") {
  auto const weights = testing::shared_data("golden/weights");
  if (!weights) return;
  nlohmann::json const expected = scale::read_json(*weights / "expected.json")["files"];
  int read = 0, refused = 0;
  for (auto const& [name, about] : expected.items()) {
    if (about["container"] != "safetensors") continue;
    safetensors_file const file(*weights / name);
    CHECK(file.tensors().size() == about["tensors"].size());
    for (auto const& [tensor, facts] : about["tensors"].items()) {
      stored_tensor const& t = file.at(tensor);
      CHECK(scale::name_of(t.type) == facts["dtype"].get<std::string>());
      CHECK(t.shape == facts["shape"].get<std::vector<scale::index_t>>());
      CHECK(scale::sha256_hex(t.bytes) == facts["sha256"].get<std::string>());
    }
    ++read;
  }
  CHECK(read >= 3);
  nlohmann::json const hostile = scale::read_json(*weights / "hostile" / "expected.json")["files"];
  for (auto const& [name, about] : hostile.items()) {
    if (about["reader"] != "safetensors") continue;
    bool const may_pass = !contains(about["expect"].get<std::string>(), "refuse");
    std::string const file_name = name;
    INFO(file_name);
    if (may_pass)
      CHECK_NOTHROW(safetensors_file const file(*weights / "hostile" / name));
    else
      CHECK_THROWS_AS(safetensors_file const file(*weights / "hostile" / name), input_error);
    refused += may_pass ? 0 : 1;
  }
  CHECK(refused >= 40);
}
