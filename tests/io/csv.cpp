// SPDX-License-Identifier: Apache-2.0
#include <scale/io/csv.hpp>

#include "io/temporary_folder.hpp"
#include <doctest/doctest.h>

#include <string>
#include <vector>

using scale::csv_table;
using scale::input_error;
using testing::temporary_folder;

TEST_CASE("csv: quotes, separators and line ends inside fields, CRLF, byte order mark") {
  temporary_folder const folder;
  csv_table const table = scale::read_csv(
      folder.write("a.csv", "\xef\xbb\xbfpath,label\r\n\"a,b\",\"say \"\"hi\"\"\"\r\n\"two\nlines\",\r\nlast,x"));
  CHECK(table.header == std::vector<std::string>{"path", "label"});
  REQUIRE(table.rows.size() == 3);
  CHECK(table.rows[0].fields == std::vector<std::string>{"a,b", "say \"hi\""});
  CHECK(table.rows[1].fields == std::vector<std::string>{"two\nlines", ""});
  CHECK(table.rows[1].line == 3);
  CHECK(table.rows[2].fields == std::vector<std::string>{"last", "x"});
  CHECK(table.rows[2].line == 5);
  CHECK(table.find_column("label") == 1u);
  CHECK_FALSE(table.find_column("nope").has_value());
}

TEST_CASE("csv: without a header, other separators, empty lines at the end") {
  temporary_folder const folder;
  csv_table const table = scale::read_csv(folder.write("a", "1 2\n3 4\n\n\n"), scale::csv_header::none, ' ');
  CHECK(table.header.empty());
  CHECK(table.rows.size() == 2);
}

TEST_CASE("csv: what is out of form is refused with its line") {
  temporary_folder const folder;
  auto const refused = [&](std::string const& text, std::string const& part) {
    std::filesystem::path const path = folder.write("bad.csv", text);
    std::string const message = testing::message_of<input_error>([&] { (void)scale::read_csv(path); });
    CHECK_MESSAGE(testing::contains(message, part), message);
    CHECK(testing::contains(message, path.string()));
  };
  refused("", "empty");
  refused("\n\n", "empty");
  refused("a,b\n1,2\n1,2,3\n", "line 3: expected 2 fields, found 3");
  refused("a,b\n1,2\n\n1,2\n", "line 3: expected 2 fields, found 1");
  refused("a,b\n1,\"2\n3\n", "line 2: a quoted field does not end");
  refused("a,b\n1,2\"\n", "line 2: a quote inside");
  refused("a,b\n1,\"2\"3\n", "line 2: expected a separator");
  refused("a,a\n1,2\n", "occurs twice");
  refused("a,\n1,2\n", "no name");
  refused("a,b\n1,2\r3,4\n", "carriage return");
  refused(std::string("a,b\n1,\0\n", 8), "zero");
}
