// SPDX-License-Identifier: Apache-2.0
#pragma once
// Progress on standard error: a line that is rewritten on a terminal, a line now and then elsewhere.

#include "scale/program.hpp"
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <string>

namespace scale::program {

/// "7 s", "3 min 20 s", "2 h 5 min".
inline std::string duration_text(double seconds) {
  if (!(seconds >= 0) || seconds > 1e9) return "?";
  auto const whole = static_cast<long>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

class live_line {
 public:
  explicit live_line(session const& s) : quiet_(s.options.quiet), terminal_(::isatty(STDERR_FILENO) == 1) {}
  ~live_line() {
    if (shown_ && terminal_) std::cerr << '\n';
  }

  /// A state that the next one replaces. Off a terminal only every ten seconds, and the last one.
  void show(std::string const& text, bool last = false) {
    if (quiet_) return;
    auto const now = std::chrono::steady_clock::now();
    if (!last && shown_ && now - latest_ < (terminal_ ? std::chrono::milliseconds(200) : std::chrono::seconds(10)))
      return;
    latest_ = now;
    shown_ = true;
    if (terminal_)
      std::cerr << '\r' << text << "\x1b[K" << std::flush;
    else
      std::cerr << text << '\n';
  }

  /// A line that stays.
  void message(std::string const& text) {
    if (quiet_) return;
    if (terminal_ && shown_) std::cerr << "\r\x1b[K";
    std::cerr << text << '\n';
  }

 private:
  bool quiet_, terminal_, shown_ = false;
  std::chrono::steady_clock::time_point latest_{};
};

}  // namespace scale::program
