// SPDX-License-Identifier: Apache-2.0
#include <scale/io/json_text.hpp>

#include "io/temporary_folder.hpp"
#include <doctest/doctest.h>

#include <string>
#include <vector>

TEST_CASE("json_text: what is not UTF-8 is replaced, all else kept") {
  CHECK(scale::to_utf8("caf\xc3\xa9 \xf0\x9f\x8e\xac \n\"\\") == "caf\xc3\xa9 \xf0\x9f\x8e\xac \n\"\\");
  CHECK(scale::to_utf8("caf\xe9.mp4") == "caf\xef\xbf\xbd.mp4");
  CHECK(scale::is_utf8(std::string("a\0b", 3)));
  CHECK(scale::is_utf8("\xef\xbf\xbd"));
  for (char const* const bad : {"\xe9", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\x80"})
    CHECK_FALSE(scale::is_utf8(bad));
}

TEST_CASE("json_text: a text comes back byte by byte; only one that is not UTF-8 needs its bytes beside it") {
  for (std::string const& text : std::vector<std::string>{"", "plain", "caf\xc3\xa9", "caf\xe9", "\xff\x0a\x01\xc3"}) {
    nlohmann::ordered_json object;
    scale::set_exact_text(object, "path", text);
    CHECK(object.contains("path_hex") != scale::is_utf8(text));
    CHECK(scale::exact_text(nlohmann::ordered_json::parse(object.dump()), "path", "f") == text);
  }
  nlohmann::json object;
  scale::set_exact_text(object, "path", "caf\xe9");
  CHECK(object == nlohmann::json{{"path", "caf\xef\xbf\xbd"}, {"path_hex", "636166e9"}});
}

TEST_CASE("json_text: damaged bytes beside a text are refused") {
  auto const refused = [](nlohmann::json const& object) {
    std::string const text = testing::message_of<scale::input_error>([&] { scale::exact_text(object, "path", "f"); });
    CHECK_MESSAGE(testing::contains(text, "path"), text);
  };
  refused(nlohmann::json::object());
  refused(nlohmann::json::array());
  refused({{"path", 3}});
  for (char const* const hex : {"636166e", "636166g9", "63616 e9", "636166-9", "636166", "646166e9"})
    refused({{"path", "caf\xef\xbf\xbd"}, {"path_hex", hex}});
  refused({{"path", "caf\xef\xbf\xbd"}, {"path_hex", 7}});
}
