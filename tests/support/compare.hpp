// SPDX-License-Identifier: Apache-2.0
#pragma once
// Comparisons of arrays that say where the worst difference is, and the seed of the data.

#include <scale/core/error.hpp>

#include <doctest/doctest.h>
#include <support/random_tensor.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace testing {

/// max |got - expected| <= tolerance * max |expected|, or <= tolerance where all expected are 0. NaN equals NaN only;
/// infinities are equal or not.
template <class T, class E>
void check_close(std::string_view name, std::vector<T> const& got, std::vector<E> const& expected, double tolerance) {
  REQUIRE_MESSAGE(got.size() == expected.size(), name, " has another size than expected");
  double largest = 0, worst = 0;
  std::size_t where = 0;
  for (E const value : expected)
    if (std::isfinite(static_cast<double>(value))) largest = (std::max)(largest, std::abs(static_cast<double>(value)));
  for (std::size_t i = 0; i < got.size(); ++i) {
    double const a = static_cast<double>(got[i]), b = static_cast<double>(expected[i]);
    double difference = std::abs(a - b);
    if (a == b || (std::isnan(a) && std::isnan(b)))
      difference = 0;
    else if (!std::isfinite(a) || !std::isfinite(b))
      difference = INFINITY;
    if (difference > worst) worst = difference, where = i;
  }
  double const scale = largest > 0 ? largest : 1;
  bool const close = worst <= tolerance * scale;
  if (close) {
    CHECK(close);
  } else {
    FAIL_CHECK(std::string(name), "[", where, "]: expected ", static_cast<double>(expected[where]), ", got ",
               static_cast<double>(got[where]), "; error ", worst / scale, " of the largest value, allowed ", tolerance,
               "; seed ", seed());
  }
}

/// The same bits.
template <class T>
void check_same_bits(std::string_view name, std::vector<T> const& got, std::vector<T> const& expected) {
  REQUIRE_MESSAGE(got.size() == expected.size(), name, " has another size than expected");
  std::size_t where = got.size();
  for (std::size_t i = 0; i < got.size() && where == got.size(); ++i)
    if (std::memcmp(&got[i], &expected[i], sizeof(T)) != 0) where = i;
  CHECK_MESSAGE(where == got.size(), std::string(name), " differs first at ", where, "; seed ", seed());
}

/// Runs f, which must throw argument_error with every one of `parts` and the caller's file in its text.
template <class F>
void check_argument_error(F const& f, std::vector<std::string> const& parts,
                          scale::location at = scale::location::current()) {
  std::string text;
  try {
    f();
  } catch (scale::argument_error const& e) {
    text = e.what();
  }
  CHECK_MESSAGE(!text.empty(), "no argument_error was thrown, line ", at.line);
  for (std::string const& part : parts)
    CHECK_MESSAGE(text.find(part) != std::string::npos, "\"", part, "\" is not in \"", text, "\", line ", at.line);
  std::string const file = std::string(at.file).substr(std::string(at.file).rfind('/') + 1);
  CHECK_MESSAGE(text.find(file) != std::string::npos, "\"", text, "\" does not name the caller's file ", file);
}

/// As check_argument_error, for what an operator finds by reading indices: on backends whose memory the host cannot
/// read, a bad index is undefined, and f does not run.
template <class B, class F>
void check_index_error(F const& f, std::vector<std::string> const& parts,
                       scale::location at = scale::location::current()) {
  if constexpr (B::host_accessible) check_argument_error(f, parts, at);
}

}  // namespace testing
