// SPDX-License-Identifier: Apache-2.0
#include <scale/io/json.hpp>
#include <scale/io/json_lines.hpp>

#include "io/allocation_peak.hpp"
#include "io/temporary_folder.hpp"
#include <doctest/doctest.h>

#include <array>
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

TEST_CASE("json: a text whose values would take more memory than its size and 16 MiB is refused before they are made") {
  auto const many = [](std::string const& first, std::string const& piece, std::size_t count, std::string const& last) {
    std::string out = first;
    for (std::size_t i = 0; i < count; ++i) out += piece;
    return out + last;
  };
  std::size_t const much = 4 << 20;
  std::string members = "{";
  for (int i = 0; i < 300000; ++i) members += "\"" + std::to_string(i) + "\":0,";
  for (std::string const& bomb :
       {many("[", "0,", much, "0]"), many("[", "[],", much, "0]"), many("[", "{},", much, "0]"),
        many("[", "\"\",", much, "0]"), many("[", "{\"a\":0},", much, "0]"), members + "\"\":0}",
        many("[", "[[[[[0]]]]],", 400000, "0]"), "[" + many("\"", "a", much, "\"]"), many("", "9", much, ""),
        many("\"", "\\n", much, "\""), many("", "\n", much, "0")}) {
    INFO(bomb.substr(0, 20));
    std::string message;
    std::size_t const peak =
        testing::peak_of([&] { message = message_of<input_error>([&] { (void)scale::parse_json(bomb, "f"); }); });
    CHECK((contains(message, "too many values") || contains(message, "more than 256 KiB")));
    CHECK(peak < 1 << 16);
  }
  // What is just let through stays within what is promised.
  for (auto const& [first, piece, last] :
       {std::array{"[", "0,", "0]"}, std::array{"[", "[],", "0]"}, std::array{"[", "{},", "0]"},
        std::array{"[", "\"\",", "0]"}, std::array{"[", "{\"a\":0},", "0]"},
        std::array{"[", "\"0123456789abcdef\",", "0]"}, std::array{"[", "[[[[0]]]],", "0]"}}) {
    INFO(piece);
    std::size_t low = 1, high = much;  // the largest count that is read
    while (high - low > 1) {
      std::size_t const middle = (low + high) / 2;
      bool read = true;
      std::string const text = many(first, piece, middle, last);
      try {
        scale::detail::json_bounds(text, "f", nullptr).check();
      } catch (input_error const&) {
        read = false;
      }
      (read ? low : high) = middle;
    }
    std::string const text = many(first, piece, low, last);
    std::size_t const peak = testing::peak_of([&] { (void)scale::parse_json(text, "f"); });
    CHECK(peak <= text.size() + (std::size_t{16} << 20));
    CHECK(peak >= std::size_t{3} << 20);  // the bound is not far off
  }
}

TEST_CASE("json: a long list is handed out element by element, and does not stay") {
  std::string text = "{\"a\":[{}],\"long\":[";
  int const count = 200000;
  for (int i = 0; i < count; ++i) text += (i == 0 ? "" : ",") + ("{\"index\":" + std::to_string(i) + ",\"x\":[1,2]}");
  text += "],\"z\":{\"long\":[1]}}";
  CHECK_THROWS_AS((void)scale::parse_json(text, "f"), input_error);
  int seen = 0;
  nlohmann::json rest;
  std::size_t const peak = testing::peak_of([&] {
    rest = scale::parse_json_list(text, "f", "long", [&](nlohmann::json const& element) {
      CHECK_MESSAGE(element.at("index") == seen, "in order");
      ++seen;
    });
  });
  CHECK(seen == count);
  CHECK(rest == nlohmann::json::parse(R"({"a":[{}],"long":[],"z":{"long":[1]}})"));
  CHECK(peak < 1 << 20);
  seen = 0;
  auto const count_all = [&](nlohmann::json const&) { ++seen; };
  CHECK(scale::parse_json_list("[{},[1,{}],{\"a\":{}}]", "f", "", count_all) == nlohmann::json::array());
  CHECK(seen == 3);
  CHECK_THROWS_AS(scale::parse_json_list("[{},1]", "f", "", count_all), input_error);
  CHECK_THROWS_AS(scale::parse_json_list("{\"long\":[true]}", "f", "long", count_all), input_error);
  // The memory of one element is bounded as that of a whole text is.
  std::string large = "[[";
  for (int i = 0; i < 400000; ++i) large += "[],";
  CHECK_THROWS_WITH_AS(scale::parse_json_list(large + "0]]", "f", "", count_all), doctest::Contains("too many values"),
                       input_error);
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
