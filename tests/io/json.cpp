// SPDX-License-Identifier: Apache-2.0
#include <scale/io/json.hpp>
#include <scale/io/json_lines.hpp>

#include "io/temporary_folder.hpp"
#include <doctest/doctest.h>

#include <cerrno>
#include <limits>
#include <string>

using scale::input_error;
using testing::contains;
using testing::message_of;
using testing::temporary_folder;

TEST_CASE("json: damaged and hostile text is refused, with the file's name") {
  CHECK(scale::parse_json("{\"a\": [1, 2.5, null]} ", "f")["a"].size() == 3);
  for (std::string const& bad : {std::string(), std::string("{"), std::string("{} x"), std::string("{\"a\":\"\xff\"}"),
                                 std::string("{}\0", 3), std::string("[1e999]")})
    CHECK(contains(message_of<input_error>([&] { (void)scale::parse_json(bad, "f.json"); }), "f.json: "));
  std::string const deep = std::string(100000, '[');
  CHECK(contains(message_of<input_error>([&] { (void)scale::parse_json(deep, "f"); }), "nested"));
  CHECK(scale::json_line({{"b", 1}, {"a", std::numeric_limits<double>::quiet_NaN()}}) == "{\"a\":null,\"b\":1}");
  CHECK_THROWS_AS((void)scale::json_line("\xff"), scale::argument_error);
}

TEST_CASE("json lines: appended, readable at any moment, a torn end is removed on the next start") {
  temporary_folder const folder;
  std::filesystem::path const path = folder / "m.jsonl";
  {
    scale::json_lines_writer writer(path);
    writer.write({{"step", 1}});
    CHECK(scale::read_json_lines(path).size() == 1);
    writer.write({{"step", 2}});
  }
  folder.write("m.jsonl", testing::read_text(path) + "{\"step\":");
  CHECK(contains(message_of<input_error>([&] { (void)scale::read_json_lines(path); }), "line 3"));
  scale::json_lines_writer(path).write({{"step", 3}});
  auto const lines = scale::read_json_lines(path);
  REQUIRE(lines.size() == 3);
  CHECK(lines[2]["step"] == 3);
  scale::json_lines_writer(path, scale::json_lines_mode::replace).write({{"step", 4}});
  CHECK(testing::read_text(path) == "{\"step\":4}\n");
  folder.write("m.jsonl", "{}\n[1]\n");
  CHECK(contains(message_of<input_error>([&] { (void)scale::read_json_lines(path); }), "line 2"));
  CHECK_THROWS_AS(scale::json_lines_writer(folder / "no" / "m"), scale::argument_error);
}

TEST_CASE("json lines: only a torn line of JSON lines is cut, any other file stays as it is") {
  temporary_folder const folder;
  for (std::string const& foreign :
       {std::string("notes\nwithout an end"), std::string("notes\n"), std::string("text"), std::string("\n"),
        std::string("{\n  \"lr\": 1\n}"), std::string("{\n  \"lr\": 1\n}\n"), std::string("{\"lr\": 1}"),
        std::string("{\"a\":1}\nnotes"), std::string("[1]\n{\"a\":")}) {
    CAPTURE(foreign);
    auto const path = folder.write("f", foreign);
    CHECK(contains(message_of<input_error>([&] { scale::json_lines_writer const writer(path); }), "JSON lines"));
    CHECK(testing::read_text(path) == foreign);
  }
  for (std::string const& before : {std::string(), std::string("{\"a"), std::string("{\"a\":1}\n{\"a\":2")}) {
    auto const path = folder.write("f", before);
    scale::json_lines_writer(path).write({{"b", 1}});
    CHECK(testing::read_text(path) == before.substr(0, before.rfind('\n') + 1) + "{\"b\":1}\n");
  }
  CHECK_THROWS_AS(scale::json_lines_writer(folder.path()), input_error);
}

TEST_CASE("system calls that fail: the path's fault is wrong usage, the machine's is not") {
  for (int const code : {ENOENT, EACCES, EROFS, ELOOP})
    CHECK_THROWS_AS(scale::throw_write_failure("f", "opening", code), scale::argument_error);
  for (int const code : {ENOSPC, EIO, EMFILE})
    CHECK_THROWS_AS(scale::throw_write_failure("f", "opening", code), scale::resource_error);
}
