// SPDX-License-Identifier: Apache-2.0
// scale demo: where it may write. That it works takes longer than a test may; cmake/demo.sh runs it.
#include "io/temporary_folder.hpp"
#include "program/run_program.hpp"
#include <doctest/doctest.h>

#include <chrono>
#include <csignal>

namespace {

using namespace testing;

/// Exit code 2 before any work.
void expect_refused(std::filesystem::path const& out) {
  running_program program(scale_file(), {"demo", "--quick", "--quiet", "--out", out});
  auto const begin = std::chrono::steady_clock::now();
  program.wait_until([&] { return std::chrono::steady_clock::now() - begin > std::chrono::seconds(30); });
  program.send(SIGKILL);  // of one that works instead
  outcome const done = program.wait();
  INFO("it said: ", done.err);
  CHECK(done.code == 2);
  CHECK(done.out.empty());
  CHECK(contains(done.err, out.string()));
}

TEST_CASE("demo: a folder with files of others is refused, and they stay as they are") {
  for (char const* name : {"notes.txt", "train/a.mp4", "paper/thesis.txt", "centred/model.safetensors", "train.csv",
                           "train.store", "report.html"}) {
    temporary_folder const folder;
    std::filesystem::path const file = folder.write(name, "somebody's own");
    expect_refused(folder.path());
    CHECK(bytes_of(file) == "somebody's own");
    int files = 0;
    for (auto const& entry : std::filesystem::recursive_directory_iterator(folder.path()))
      files += entry.is_regular_file() ? 1 : 0;
    CHECK(files == 1);
  }
}

TEST_CASE("demo: a file is no folder to write to") {
  temporary_folder const folder;
  std::filesystem::path const file = folder.write("file", "somebody's own");
  expect_refused(file);
  CHECK(bytes_of(file) == "somebody's own");
}

}  // namespace
