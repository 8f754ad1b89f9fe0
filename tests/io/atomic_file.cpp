// SPDX-License-Identifier: Apache-2.0
#include <scale/io/atomic_file.hpp>
#include <scale/io/mapped_file.hpp>

#include "io/temporary_folder.hpp"
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

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

TEST_CASE("atomic_file: two at once do not meet") {
  temporary_folder const folder;
  atomic_file a(folder / "f"), b(folder / "f");
  a.write("a");
  b.write("b");
  b.commit();
  a.commit();
  CHECK(testing::read_text(folder / "f") == "a");
}

TEST_CASE("atomic_file: a place that cannot be written is refused at once, as the caller's error") {
  temporary_folder const folder;
  folder.write("f", "old");
  std::filesystem::create_directory(folder / "d");
  std::filesystem::create_symlink(folder / "d", folder / "to_d");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  auto const refused = [&](std::filesystem::path const& path, std::string const& part) {
    std::string const text = testing::message_of<scale::argument_error>([&] { atomic_file const file(path); });
    CHECK_MESSAGE(testing::contains(text, part), text);
    CHECK(testing::contains(text, path.string()));
  };
  refused(folder / "no" / "f", "a folder that exists");
  refused(folder / "f" / "g", "a folder that exists");
  refused(folder.path().string() + "/", "found a folder");
  refused(folder / "d", "found a folder");
  refused(folder / "to_d", "found a folder");
  refused(folder / "pipe", "found a device, pipe or socket");
  CHECK(folder.names().size() == 4);
}

TEST_CASE("atomic_file: a folder without the right to write is refused at once") {
  temporary_folder const folder;
  folder.write("closed/f", "old");
  std::filesystem::permissions(folder / "closed", std::filesystem::perms::owner_read);
  bool const root = ::geteuid() == 0;  // who may write anywhere
  if (root) REQUIRE(::seteuid(65534) == 0);
  std::string text;
  try {
    atomic_file const file(folder / "closed" / "f");
  } catch (scale::argument_error const& e) {
    text = e.what();
  }
  if (root) REQUIRE(::seteuid(0) == 0);
  std::filesystem::permissions(folder / "closed", std::filesystem::perms::owner_all);
  CHECK_MESSAGE(testing::contains(text, "a folder that exists and can be written"), text);
}

TEST_CASE("atomic_file: a symbolic link is replaced, and what it points to stays") {
  temporary_folder const folder;
  folder.write("f", "old");
  std::filesystem::create_symlink(folder / "f", folder / "link");
  std::filesystem::create_symlink(folder / "nothing", folder / "dangling");
  for (char const* const name : {"link", "dangling"}) {
    atomic_file file(folder / name);
    file.write("new");
    file.commit();
    CHECK_FALSE(std::filesystem::is_symlink(folder / name));
    CHECK(testing::read_text(folder / name) == "new");
  }
  CHECK(testing::read_text(folder / "f") == "old");
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
