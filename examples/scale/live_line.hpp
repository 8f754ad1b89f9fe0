// SPDX-License-Identifier: Apache-2.0
#pragma once
// Progress on standard error: a line that is rewritten on a terminal, a line now and then elsewhere.

#include "scale/program.hpp"
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <iostream>
#include <optional>
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

/// The first `columns` characters of UTF-8 text, whole ones.
inline std::string first_characters(std::string const& text, std::size_t columns) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool const starts_one = (static_cast<unsigned char>(text[i]) & 0xC0u) != 0x80u;
    if (starts_one && columns-- == 0) return text.substr(0, i);
  }
  return text;
}

class live_line {
 public:
  explicit live_line(session const& s) : quiet_(s.options.quiet), terminal_(::isatty(STDERR_FILENO) == 1) {}
  live_line(live_line const&) = delete;
  live_line& operator=(live_line const&) = delete;
  ~live_line() {
    if (open_) std::cerr << '\n';
  }

  /// A state that the next one replaces. Off a terminal only every ten seconds, and the last one.
  void show(std::string const& text, bool last = false) {
    if (quiet_) return;
    auto const now = std::chrono::steady_clock::now();
    auto const pause = terminal_ ? std::chrono::milliseconds(200) : std::chrono::seconds(10);
    if (!last && latest_ && now - *latest_ < pause) return;
    latest_ = now;
    if (!terminal_) {
      std::cerr << text << '\n';
      return;
    }
    open_ = true;
    std::cerr << '\r' << first_characters(text, width()) << "\x1b[K" << std::flush;
  }

  /// Takes the state off the terminal, for something else to be printed.
  void clear() {
    if (open_) std::cerr << "\r\x1b[K" << std::flush;
    open_ = false;
  }

  /// A line that stays, --quiet or not: for failures.
  void message(std::string const& text) {
    clear();
    std::cerr << text << '\n';
  }

  /// A line that stays, unless --quiet.
  void note(std::string const& text) {
    if (!quiet_) message(text);
  }

 private:
  /// A line as wide as the terminal would wrap and could not be rewritten.
  static std::size_t width() {
    winsize size{};
    bool const known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    return known ? std::size_t{size.ws_col} - 1 : std::string::npos;
  }

  bool quiet_, terminal_, open_ = false;
  std::optional<std::chrono::steady_clock::time_point> latest_;
};

}  // namespace scale::program
