// SPDX-License-Identifier: Apache-2.0
// Any bytes given to a reader give a value or an input_error, in memory bounded by the file. The fuzzers of tests/fuzz/
// go further; here each reader meets changed good files and files made by hand.
#include "fuzz/readers.hpp"
#include "io/allocation_peak.hpp"
#include "reliability/campaign.hpp"
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <exception>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace std::string_literals;

constexpr std::size_t mebibyte = std::size_t{1} << 20;

std::string many(std::string const& piece, std::size_t size = mebibyte) {
  std::string out;
  while (out.size() + piece.size() <= size) out += piece;
  return out;
}

/// Reads `content`; fails the test for any exception but the reader's own refusal, and for more memory than the
/// reader may take.
bool is_read(fuzz::reader const& r, std::string const& content) {
  static fuzz::memory_file file;
  auto const& path = file.put(std::as_bytes(std::span(content)));
  bool read = false;
  std::string defect;
  std::size_t const peak = testing::peak_of([&] {
    try {
      read = r.read(path);
    } catch (std::exception const& e) {
      defect = e.what();
    }
  });
  CHECK(defect == "");
  CHECK(peak <= r.memory * content.size() + 16 * mebibyte);
  return read;
}

std::string header_of(std::uint64_t length) {
  std::string out(8, '\0');
  std::memcpy(out.data(), &length, 8);
  return out;
}

}  // namespace

TEST_CASE("hostile: good files of every reader, changed at random, are read or refused") {
  int const runs = testing::campaign_size("SCALE_HOSTILE_RUNS", 1500);  // per reader
  for (fuzz::reader const& r : fuzz::readers()) {
    INFO("reader: ", std::string(r.name));
    std::mt19937_64 random(4);
    std::vector<std::string> const seeds = r.seeds(SCALE_TEST_SOURCE_DIR);
    int read = 0;
    for (std::string const& seed : seeds) read += is_read(r, seed) ? 1 : 0;
    CHECK(read > 0);
    for (int i = 0; i < runs; ++i) {
      std::string const file = fuzz::mutated(seeds[random() % seeds.size()], r, random);
      INFO("run ", i);
      is_read(r, file);
    }
  }
}

TEST_CASE("hostile: every truncation of a good file is read or refused") {
  for (fuzz::reader const& r : fuzz::readers()) {
    INFO("reader: ", std::string(r.name));
    std::string const seed = r.seeds(SCALE_TEST_SOURCE_DIR).front();
    for (std::size_t size = 0; size < seed.size(); size += 1 + seed.size() / 2000) is_read(r, seed.substr(0, size));
  }
}

TEST_CASE("hostile: files made by hand") {
  struct bomb {
    char const* why;
    std::string content;
  };
  std::string store = fuzz::reader_named("store").seeds("").front();
  auto const store_with = [&](std::size_t at, std::uint64_t value) {
    std::string out = store;
    std::memcpy(&out[at], &value, sizeof(value));
    fuzz::reader_named("store").repair(std::as_writable_bytes(std::span(out)));
    return out;
  };
  std::string const journal = fuzz::reader_named("journal").seeds("").front();
  auto const journal_with = [&](std::size_t at, std::uint32_t value) {
    std::string out = journal;
    std::memcpy(&out[at], &value, sizeof(value));
    return out;
  };
  std::string noise(mebibyte, '\0');
  std::mt19937 random(20230927);
  for (char& c : noise) c = static_cast<char>(random());
  std::vector<bomb> const bombs = {
      {"nothing", ""},
      {"a zero byte", "\0"s},
      {"zeros", std::string(mebibyte, '\0')},
      {"noise", noise},
      {"nested lists", many("[")},
      {"nested objects", many("{\"a\":")},
      {"nested lists, closed", many("[", mebibyte / 2) + many("]", mebibyte / 2)},
      {"a number without end", many("9")},
      {"a text without end", "\"" + many("a")},
      {"escapes without end", "\"" + many("\\u0000")},
      {"half of a surrogate pair", "\"\\ud800\""},
      {"bytes that are no UTF-8", "\"\xff\xfe\""},
      {"a line without end", "path," + many("a")},
      {"commas", "path\n" + many(",")},
      {"columns without names", many(",") + "\n"},
      {"a quote that is not closed", "path\n\"" + many("a\n")},
      {"quotes", "path\n" + many("\"\"")},
      {"empty lines", many("\n")},
      {"empty lines in between", "path\n" + many("\n") + "x"},
      {"empty objects, line by line", many("{}\n")},
      {"torn lines", many("{\n")},
      {"the same path in every line", "path\n" + many("a.mp4\n")},
      {"labels above the limit", "path,label\na.mp4,999999999999999999999\n"},
      {"the largest label", "a.mp4 250000\n"},
      {"safetensors: a header of 2^63 bytes", header_of(std::uint64_t{1} << 63) + "{}"},
      {"safetensors: a header of 100 MB that is not there", header_of(100'000'000) + "{}"},
      {"safetensors: nested objects", header_of(mebibyte) + many("{\"a\":")},
      {"safetensors: a tensor of 2^60 bytes",
       header_of(72) + R"({"a":{"dtype":"U8","shape":[1152921504606846976],"data_offsets":[0,1]}} )"},
      {"safetensors: extents whose product is 0 and whose parts are huge",
       header_of(88) +
           R"({"a":{"dtype":"U8","shape":[0,9223372036854775807,9223372036854775807],"data_offsets":[0,0]}})"},
      {"store: 2^60 videos", store_with(32, std::uint64_t{1} << 60)},
      {"store: 2^63 rows", store_with(40, std::uint64_t{1} << 63)},
      {"store: clips per video that overflow", store_with(48, ~std::uint64_t{0})},
      {"store: sections behind the end", store_with(64, ~std::uint64_t{0} - 8)},
      {"store: sections that wrap around", store_with(72, ~std::uint64_t{0} - 200)},
      {"store: all sections at one place", store_with(80, 256)},
      {"journal: an identity of 4 GiB", journal_with(12, 0xffffffffu)},
      {"journal: a record of 4 GiB", journal_with(24 + 12 + 8, 0xffffffffu)},
      {"npy: a header of 4 GiB", "\x93NUMPY\2\0\xff\xff\xff\xff{"s},
      {"npy: 2^62 elements",
       "\x93NUMPY\1\0\x46\0{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,)}"s},
      {"zip: an end of directory alone", "PK\5\6" + std::string(18, '\0')},
      {"zip: 65535 entries that are not there", "PK\5\6"s + "\0\0\0\0\xff\xff\xff\xff"s + std::string(10, '\0')},
      {"pickle: a text of 2 GiB", "\x80\2X\xff\xff\xff\x7f"s},
      {"pickle: marks", "\x80\2" + many("(")},
      {"pickle: memo of 4 billion", "\x80\2Nr\xff\xff\xff\xff."s},
  };
  for (fuzz::reader const& r : fuzz::readers())
    for (bomb const& b : bombs) {
      INFO("reader: ", std::string(r.name));
      INFO("file: ", std::string(b.why));
      is_read(r, b.content);
    }
}
