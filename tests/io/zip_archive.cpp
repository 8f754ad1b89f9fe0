// SPDX-License-Identifier: Apache-2.0
#include <scale/io/zip_archive.hpp>
#include <scale/io/zip_inflater.hpp>

#include "io/temporary_folder.hpp"
#include "support/shared_data.hpp"
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace testing;
using scale::input_error;
using scale::zip_archive;
using scale::zip_entry;

std::string number(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 0xff);
  return out;
}

std::span<std::byte const> bytes_of_text(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// One entry, and what is to be wrong with it.
struct one_entry {
  std::string name = "a", local_name = "a", content = "hello", before = {}, comment = {};
  bool checksums = true;
  std::uint64_t flags = 0, local_flags = 0, method = 0, size = 5, count = 1, local_size = 5;

  std::string text() const {
    std::uint64_t const crc = checksums ? scale::zip_crc(bytes_of_text(content)) : 0;
    std::string const local = number(0x04034b50, 4) + number(20, 2) + number(local_flags, 2) + number(method, 2) +
                              number(0, 4) + number(crc, 4) + number(local_size, 4) + number(local_size, 4) +
                              number(local_name.size(), 2) + number(0, 2) + local_name + content;
    std::string const central = number(0x02014b50, 4) + number(20, 2) + number(20, 2) + number(flags, 2) +
                                number(method, 2) + number(0, 4) + number(crc, 4) + number(size, 4) + number(size, 4) +
                                number(name.size(), 2) + number(0, 12) + number(0, 4) + name;
    return before + local + central + number(0x06054b50, 4) + number(0, 4) + number(count, 2) + number(count, 2) +
           number(central.size(), 4) + number(local.size(), 4) + number(comment.size(), 2) + comment;
  }
};

std::string why(one_entry const& entry) {
  std::string const text = entry.text();
  return message_of<input_error>([&] { zip_archive("w.zip", bytes_of_text(text)); });
}

}  // namespace

TEST_CASE("zip_archive: an archive of one entry, with and without a comment") {
  for (std::string const& comment : {std::string(), std::string("said PK\5\6 of itself"), std::string(65535, 'c')}) {
    one_entry entry;
    entry.comment = comment;
    std::string const text = entry.text();
    zip_archive const archive("w.zip", bytes_of_text(text));
    REQUIRE(archive.entries().size() == 1);
    zip_entry const* const found = archive.find("a");
    REQUIRE(found != nullptr);
    auto const content = archive.stored(*found);
    CHECK(std::memcmp(content.data(), "hello", 5) == 0);
    CHECK(archive.find("b") == nullptr);
  }
}

TEST_CASE("zip_archive: what contradicts itself or is not read is refused, the entry named") {
  CHECK(contains(why({.name = "../a", .local_name = "../a"}), "relative path"));
  CHECK(contains(why({.name = "/a", .local_name = "/a"}), "relative path"));
  CHECK(contains(why({.name = "a\\b", .local_name = "a\\b"}), "relative path"));
  CHECK(contains(why({.name = "\xff", .local_name = "\xff"}), "relative path"));
  CHECK(contains(why({.local_name = "b"}), "differs"));
  CHECK(contains(why({.before = "x"}), "does not lie where"));
  CHECK(contains(why({.flags = 1, .local_flags = 1}), "encrypted"));
  CHECK(contains(why({.flags = 8}), "differs"));
  CHECK(contains(why({.method = 12}), "method"));
  CHECK(contains(why({.size = 4}), "differs"));
  CHECK(contains(why({.local_size = 4}), "differs"));
  CHECK(contains(why({.size = 6, .local_size = 6}), "behind the archive's content"));
  CHECK(contains(why({.size = 6, .local_size = 6}), "'a'"));
  CHECK(contains(why({.count = 0}), "more than its number of entries"));
  CHECK(contains(why({.count = 2}), "too short"));
  CHECK(contains(why({.method = 8, .size = 0xfffffff0, .local_size = 0xfffffff0}), "behind the archive's content"));
  CHECK(contains(message_of<input_error>([] { zip_archive("w.zip", bytes_of_text("PK")); }), "w.zip"));
}

TEST_CASE("zip_archive: an entry inside another's content, or twice, is refused") {
  auto const local = [](std::string const& name, std::string const& content) {
    return number(0x04034b50, 4) + number(20, 2) + number(0, 4) + number(0, 4) +
           number(scale::zip_crc(bytes_of_text(content)), 4) + number(content.size(), 4) + number(content.size(), 4) +
           number(name.size(), 2) + number(0, 2) + name + content;
  };
  auto const central = [](std::string const& name, std::string const& content, std::uint64_t begin) {
    return number(0x02014b50, 4) + number(20, 2) + number(20, 2) + number(0, 4) + number(0, 4) +
           number(scale::zip_crc(bytes_of_text(content)), 4) + number(content.size(), 4) + number(content.size(), 4) +
           number(name.size(), 2) + number(0, 12) + number(begin, 4) + name;
  };
  auto const whole = [](std::string const& locals, std::string const& centrals) {
    return locals + centrals + number(0x06054b50, 4) + number(0, 4) + number(2, 2) + number(2, 2) +
           number(centrals.size(), 4) + number(locals.size(), 4) + number(0, 2);
  };
  std::string const inner = local("b", "hello"), outer = local("a", inner + "rest");
  std::string const nested = whole(outer, central("a", inner + "rest", 0) + central("b", "hello", 31));
  CHECK(contains(message_of<input_error>([&] { zip_archive("w.zip", bytes_of_text(nested)); }), "overlaps 'a'"));
  std::string const twice = whole(inner + inner, central("b", "hello", 0) + central("b", "hello", inner.size()));
  CHECK(contains(message_of<input_error>([&] { zip_archive("w.zip", bytes_of_text(twice)); }), "occurs twice"));
  std::string const good = whole(inner + local("c", ""), central("b", "hello", 0) + central("c", "", inner.size()));
  CHECK(zip_archive("w.zip", bytes_of_text(good)).entries().size() == 2);
}

TEST_CASE("zip_archive: stored content with a wrong checksum") {
  one_entry entry;
  std::string text = entry.text();
  text[32] = 'E';  // of "hello"
  zip_archive const archive("w.zip", bytes_of_text(text));
  CHECK(archive.has_checksums());
  CHECK(contains(message_of<input_error>([&] { archive.stored(archive.entries()[0]); }), "CRC-32"));
  // An archive that has none at all is read: there is nothing to check.
  std::string const plain = one_entry{.checksums = false}.text();
  zip_archive const unchecked("w.zip", bytes_of_text(plain));
  CHECK(!unchecked.has_checksums());
  CHECK(unchecked.stored(unchecked.entries()[0]).size() == 5);
}

TEST_CASE("zip_inflater: content in any pieces, never more than asked for, and its end") {
  std::string const text = read_text(golden("weights/flat_deflate.npz"));
  zip_archive const archive("w.npz", bytes_of_text(text));
  std::size_t deflated = 0;
  for (zip_entry const& entry : archive.entries()) {
    if (entry.method != scale::zip_method::deflated) continue;
    ++deflated;
    std::vector<std::byte> whole(static_cast<std::size_t>(entry.size)), pieces = whole;
    scale::zip_inflater at_once(archive, entry);
    at_once.read(whole);
    at_once.expect_end();
    scale::zip_inflater by_seven(archive, entry);
    for (std::size_t at = 0; at < pieces.size(); at += 7)
      by_seven.read(std::span(pieces).subspan(at, (std::min)(std::size_t{7}, pieces.size() - at)));
    by_seven.expect_end();
    CHECK(whole == pieces);
    scale::zip_inflater too_much(archive, entry);
    std::vector<std::byte> more(whole.size() + 1);
    CHECK(contains(message_of<input_error>([&] { too_much.read(more); }), "ends early"));
    if (whole.empty()) continue;
    scale::zip_inflater too_little(archive, entry);
    too_little.read(std::span(whole).first(whole.size() - 1));
    CHECK(contains(message_of<input_error>([&] { too_little.expect_end(); }), "more than its directory says"));
  }
  CHECK(deflated > 10);
}
