// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs programs as a user does: arguments in; exit code, standard output and standard error out.

#include <nlohmann/json.hpp>
#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace testing {

/// What a finished program leaves. `code` is 128 + n where signal n ended it, as shells say it.
struct outcome {
  int code = -1;
  std::string out, err;

  /// Standard output as one JSON object per line; fails the test where a line is anything else.
  std::vector<nlohmann::json> json_lines() const;
};

/// Where a program's input comes from and its output goes to. `output` empty: kept, see outcome.
struct redirection {
  std::filesystem::path input = "/dev/null";
  std::filesystem::path output = {};
};

/// A running program. It is killed when this object goes, or when it takes longer than five minutes.
class running_program {
 public:
  running_program(std::filesystem::path const& program, std::vector<std::string> const& arguments,
                  redirection const& where = {});
  running_program(running_program const&) = delete;
  running_program& operator=(running_program const&) = delete;
  ~running_program();

  /// Waits until `reached` says so, or the program ended: false.
  bool wait_until(std::function<bool()> const& reached);

  /// Sends a signal, unless the program has ended.
  void send(int signal);
  std::string error_output() const;

  /// Of the running program.
  pid_t process() const { return process_; }

  /// Waits for the end.
  outcome wait();

 private:
  bool ended();

  std::filesystem::path folder_;
  std::filesystem::path output_;
  pid_t process_ = -1;
  int status_ = 0;
  bool ended_ = false;
};

/// Runs a program to its end.
outcome run(std::filesystem::path const& program, std::vector<std::string> const& arguments,
            redirection const& where = {});

/// Runs the program `scale`.
outcome scale_program(std::vector<std::string> const& arguments, redirection const& where = {});

/// The program `scale`, for running_program.
std::filesystem::path scale_file();

/// All of a file's bytes; empty where there is none.
std::string bytes_of(std::filesystem::path const& file);

/// The bytes with the one at `offset` changed; a negative offset counts from the end.
std::string with_damage(std::string bytes, std::ptrdiff_t offset);

/// Lines of a text without their ends.
std::vector<std::string> lines_of(std::string const& text);

}  // namespace testing
