// SPDX-License-Identifier: Apache-2.0
#include <scale/io/json.hpp>
#include <scale/io/npy.hpp>
#include <scale/io/sha256.hpp>

#include "io/temporary_folder.hpp"
#include "support/shared_data.hpp"
#include <doctest/doctest.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

using scale::index_t;
using scale::input_error;
using scale::npy_file;
using testing::contains;
using testing::temporary_folder;

namespace {

std::string npy_bytes(std::string const& dictionary, std::string const& data, int major = 1) {
  std::string out = "\x93NUMPY";
  out += static_cast<char>(major);
  out += '\0';
  out += static_cast<char>(dictionary.size() & 0xff);
  out += static_cast<char>(dictionary.size() >> 8);
  if (major > 1) out += std::string(2, '\0');
  return out + dictionary + data;
}

std::string const eight(8, '\0');

template <class T>
void round_trip(temporary_folder const& folder, std::vector<T> const& values, std::vector<index_t> const& extents) {
  scale::write_npy(folder / "a.npy", scale::as_stored("", extents, std::span<T const>(values)));
  npy_file const file(folder / "a.npy");
  CHECK(file.tensor().type == scale::stored_type_of<T>());
  CHECK(file.tensor().shape == extents);
  std::span<std::byte const> const written = std::as_bytes(std::span(values));
  CHECK(std::equal(written.begin(), written.end(), file.tensor().bytes.begin(), file.tensor().bytes.end()));
}

}  // namespace

TEST_CASE("npy: what is written is read, in every type") {
  temporary_folder const folder;
  round_trip<float>(folder, {1, 2, 3, 4, 5, 6}, {2, 3});
  round_trip<double>(folder, {1.5}, {});
  round_trip<scale::f16>(folder, {scale::f16(1.f), scale::f16(2.f)}, {2});
  round_trip<std::int16_t>(folder, {-1, 5}, {1, 1, 2});
  round_trip<std::int32_t>(folder, {}, {0, 5});
  round_trip<std::int64_t>(folder, {1LL << 50}, {1});
  round_trip<std::uint8_t>(folder, {0, 255}, {2});
  std::string const text = testing::read_text(folder / "a.npy");
  CHECK(text.substr(0, 8) == std::string("\x93NUMPY\1\0", 8));
  CHECK(text.substr(10, 57) == "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }");
}

TEST_CASE("npy: data begin at a multiple of 64; a type NumPy lacks is refused; a writer checks the count") {
  temporary_folder const folder;
  std::vector<float> const values(6, 1.f);
  scale::write_npy(folder / "a.npy", scale::as_stored("", {6}, std::span<float const>(values)));
  CHECK((testing::read_text(folder / "a.npy").size() - 24) % 64 == 0);
  CHECK_THROWS_AS(scale::npy_writer(folder / "b.npy", scale::stored_type::bf16, {2}), scale::argument_error);
  {
    scale::npy_writer writer(folder / "c.npy", scale::stored_type::f32, {6});
    writer.write(std::as_bytes(std::span(values).first(2)));
    CHECK_THROWS_AS(writer.finish(), scale::argument_error);
    CHECK_THROWS_AS(writer.write(std::as_bytes(std::span(values))), scale::argument_error);
  }
  CHECK(folder.names() == std::vector<std::string>{"a.npy"});
}

TEST_CASE("npy: column order and big-endian numbers are brought into order") {
  temporary_folder const folder;
  std::string const columns("\1\4\2\5\3\6", 6);
  CHECK(npy_file(folder.write("f", npy_bytes("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3)}\n", columns)))
            .read<int>() == std::vector<int>{1, 2, 3, 4, 5, 6});
  CHECK(npy_file(folder.write("b", npy_bytes("{\"shape\": (2,), 'descr': '>i2', 'fortran_order': False, }  \n",
                                             std::string("\1\2\0\3", 4), 2)))
            .read<int>() == std::vector<int>{258, 3});
}

TEST_CASE("npy: everything out of form is refused") {
  temporary_folder const folder;
  auto const refused = [&](std::string const& content, std::string const& part) {
    std::filesystem::path const path = folder.write("bad", content);
    std::string const message = testing::message_of<input_error>([&] { npy_file const file(path); });
    CHECK_MESSAGE(contains(message, part), message);
    CHECK(contains(message, path.string()));
  };
  std::string const good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";
  refused("", "magic");
  refused("\x93NUMPX" + std::string(100, ' '), "magic");
  refused(npy_bytes(good, eight, 4), "version");
  refused(npy_bytes(good, eight + "x"), "expected 8 bytes of data, found 9");
  refused(npy_bytes(good, "1234567"), "expected 8 bytes of data, found 7");
  refused(npy_bytes("{'descr': '<f4', 'fortran_order': False, 'shape': (2)}\n", eight), "tuple");
  refused(npy_bytes("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}\n", eight), "whole numbers");
  refused(npy_bytes("{'descr': '<f4', 'fortran_order': False, 'shape': (02,)}\n", eight), "whole numbers");
  refused(npy_bytes("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}\n", ""), "overflows");
  refused(npy_bytes("{'descr': '|O', 'fortran_order': False, 'shape': (2,)}\n", eight), "number type");
  refused(npy_bytes("{'descr': '|f4', 'fortran_order': False, 'shape': (2,)}\n", eight), "number type");
  refused(npy_bytes("{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}\n", eight), "True or False");
  refused(npy_bytes("{'descr': '<f4', 'shape': (2,)}\n", eight), "expected the keys");
  refused(npy_bytes("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}\n", eight), "'x'");
  refused(npy_bytes("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} + 1\n", eight), "line end");
  refused(npy_bytes("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", eight), "line end");
  refused(npy_bytes("{'descr': '|b1', 'fortran_order': False, 'shape': (1,)}\n", "\2"), "truth value");
  std::string const whole = npy_bytes(good, eight);
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_THROWS_AS(npy_file(folder.write("cut", std::string_view(whole).substr(0, size))), input_error);
}

TEST_CASE("npy: the golden files have the expected bytes, the hostile ones are refused") {
  auto const weights = testing::shared_data("golden/weights");
  if (!weights) return;
  nlohmann::json const expected = scale::read_json(*weights / "expected.json")["files"];
  int read = 0, refused = 0;
  for (auto const& [name, about] : expected.items()) {
    if (about["container"] != "npy") continue;
    std::string const file_name = name;
    INFO(file_name);
    npy_file const file(*weights / name);
    nlohmann::json const& facts = about["tensors"][""];
    CHECK(scale::name_of(file.tensor().type) == facts["dtype"].get<std::string>());
    CHECK(file.tensor().shape == facts["shape"].get<std::vector<index_t>>());
    CHECK(scale::sha256_hex(file.tensor().bytes) == facts["sha256"].get<std::string>());
    ++read;
  }
  CHECK(read >= 9);
  nlohmann::json const hostile = scale::read_json(*weights / "hostile" / "expected.json")["files"];
  for (auto const& [name, about] : hostile.items()) {
    if (about["reader"] != "npy") continue;
    std::string const file_name = name;
    INFO(file_name);
    CHECK_THROWS_AS(npy_file(*weights / "hostile" / name), input_error);
    ++refused;
  }
  CHECK(refused >= 20);
}
