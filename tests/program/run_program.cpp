// SPDX-License-Identifier: Apache-2.0
#include "program/run_program.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

namespace testing {

namespace {

constexpr std::chrono::minutes time_limit{5};

}  // namespace

std::vector<nlohmann::json> outcome::json_lines() const {
  std::vector<nlohmann::json> objects;
  for (std::string const& line : lines_of(out)) {
    nlohmann::json object = nlohmann::json::parse(line, nullptr, false);
    INFO("line: ", line);
    REQUIRE(object.is_object());
    objects.push_back(std::move(object));
  }
  return objects;
}

running_program::running_program(std::filesystem::path const& program, std::vector<std::string> const& arguments,
                                 redirection const& where) {
  std::string folder = (std::filesystem::temp_directory_path() / "scale-run-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  folder_ = folder;
  output_ = where.output.empty() ? folder_ / "out" : where.output;
  std::string name = program.string();
  std::vector<std::string> words = arguments;
  std::vector<char*> argv{name.data()};
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, where.input.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, output_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, (folder_ / "err").c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                   0600);
  int const code = ::posix_spawn(&process_, name.c_str(), &files, nullptr, argv.data(), ::environ);
  posix_spawn_file_actions_destroy(&files);
  INFO("program: ", name);
  REQUIRE(code == 0);
}

running_program::~running_program() {
  send(SIGKILL);
  if (!ended_) ::waitpid(process_, &status_, 0);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

bool running_program::ended() {
  if (!ended_) ended_ = ::waitpid(process_, &status_, WNOHANG) != 0;
  return ended_;
}

bool running_program::wait_until(std::function<bool()> const& reached) {
  auto const begin = std::chrono::steady_clock::now();
  while (!reached()) {
    if (ended()) return reached();
    if (std::chrono::steady_clock::now() - begin > time_limit) {
      send(SIGKILL);
      FAIL("the program takes longer than five minutes; it said: ", error_output());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

void running_program::send(int signal) {
  if (!ended()) ::kill(process_, signal);
}

std::string running_program::error_output() const { return bytes_of(folder_ / "err"); }

outcome running_program::wait() {
  wait_until([this] { return ended(); });
  bool const kept = output_ == folder_ / "out";
  return {WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_), kept ? bytes_of(output_) : std::string(),
          error_output()};
}

outcome run(std::filesystem::path const& program, std::vector<std::string> const& arguments, redirection const& where) {
  return running_program(program, arguments, where).wait();
}

outcome scale_program(std::vector<std::string> const& arguments, redirection const& where) {
  return run(scale_file(), arguments, where);
}

std::filesystem::path scale_file() { return SCALE_TEST_PROGRAM; }

std::string bytes_of(std::filesystem::path const& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string with_damage(std::string bytes, std::ptrdiff_t offset) {
  std::ptrdiff_t const size = static_cast<std::ptrdiff_t>(bytes.size());
  std::ptrdiff_t const at = offset < 0 ? size + offset : offset;
  REQUIRE(at >= 0);
  REQUIRE(at < size);
  char& byte = bytes[static_cast<std::size_t>(at)];
  byte = static_cast<char>(byte ^ 0x55);
  return bytes;
}

std::vector<std::string> lines_of(std::string const& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace testing
