// SPDX-License-Identifier: Apache-2.0
#include <scale/io/atomic_file.hpp>
#include <scale/io/mapped_file.hpp>

#include "io/temporary_folder.hpp"
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>
#include <span>
#include <string>
#include <vector>

using scale::atomic_file;
using testing::temporary_folder;

TEST_CASE("atomic_file: nothing under the name before commit, all of it after") {
  temporary_folder const folder;
  folder.write("f", "old");
  {
    atomic_file file(folder / "f");
    file.write("header--");
    file.write(std::string(600000, 'x'));
    file.pad_to(64);
    CHECK(file.position() == 600064);
    file.overwrite(0, std::as_bytes(std::span("HEADER", 6)));
    CHECK(testing::read_text(folder / "f") == "old");
    file.commit();
    CHECK_THROWS_AS(file.write("more"), scale::argument_error);
  }
  std::string const text = testing::read_text(folder / "f");
  CHECK(text.size() == 600064);
  CHECK(text.substr(0, 10) == "HEADER--xx");
  CHECK(text.substr(600008) == std::string(56, '\0'));
  CHECK(folder.names() == std::vector<std::string>{"f"});
}

TEST_CASE("atomic_file: without commit everything stays as it was") {
  temporary_folder const folder;
  folder.write("f", "old");
  { atomic_file(folder / "f").write("new"); }
  CHECK(testing::read_text(folder / "f") == "old");
  CHECK(folder.names() == std::vector<std::string>{"f"});
}

TEST_CASE("atomic_file: two at once do not meet; places that cannot be written are the caller's error") {
  temporary_folder const folder;
  atomic_file a(folder / "f"), b(folder / "f");
  a.write("a");
  b.write("b");
  b.commit();
  a.commit();
  CHECK(testing::read_text(folder / "f") == "a");
  CHECK_THROWS_AS(atomic_file(folder / "no" / "f"), scale::argument_error);
  CHECK_THROWS_AS(atomic_file(folder / "f" / "g"), scale::argument_error);
  CHECK_THROWS_AS(atomic_file(folder.path().string() + "/"), scale::argument_error);
  std::filesystem::create_directory(folder / "d");
  atomic_file over_folder(folder / "d");
  CHECK_THROWS_AS(over_folder.commit(), scale::argument_error);
  CHECK(folder.names().size() == 2);
}

TEST_CASE("atomic_file: where the disk gives no more, a resource_error, and no rubbish") {
  temporary_folder const folder;
  struct ::rlimit before = {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  auto const handler = std::signal(SIGXFSZ, SIG_IGN);
  struct ::rlimit limit = before;
  limit.rlim_cur = 1000000;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  bool refused = false;
  try {
    atomic_file file(folder / "f");
    file.write(std::string(2000000, 'x'));
    file.commit();
  } catch (scale::resource_error const& e) {
    refused = testing::contains(e.what(), (folder / "f").string());
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(refused);
  CHECK(folder.names().empty());
}
