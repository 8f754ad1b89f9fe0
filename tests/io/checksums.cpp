// SPDX-License-Identifier: Apache-2.0
#include <scale/io/crc32c.hpp>
#include <scale/io/sha256.hpp>

#include "io/temporary_folder.hpp"
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

std::span<std::byte const> bytes_of_text(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

TEST_CASE("SHA-256: vectors of FIPS 180-4's examples, any split of the message") {
  CHECK(scale::sha256_hex({}) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(scale::sha256_hex(bytes_of_text("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(scale::sha256_hex(bytes_of_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  std::string const million(1000000, 'a');
  std::string const expected = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
  CHECK(scale::sha256_hex(bytes_of_text(million)) == expected);
  for (std::size_t const part : {1u, 63u, 64u, 65u, 1000u}) {
    scale::sha256 hash;
    for (std::size_t at = 0; at < million.size(); at += part)
      hash.update(bytes_of_text(std::string_view(million).substr(at, part)));
    CHECK(scale::hex_text(hash.finish()) == expected);
  }
  testing::temporary_folder const folder;
  CHECK(scale::sha256_of_file(folder.write("f", million)) == expected);
}

TEST_CASE("SHA-256: lengths around a block, against one byte at a time") {
  for (std::size_t size = 50; size < 140; ++size) {
    std::string const text(size, 'x');
    scale::sha256 hash;
    for (char const& c : text) hash.update(std::as_bytes(std::span(&c, 1)));
    CHECK(scale::hex_text(hash.finish()) == scale::sha256_hex(bytes_of_text(text)));
  }
}

TEST_CASE("CRC-32C: vectors of RFC 3720, continued over any split") {
  CHECK(scale::crc32c(bytes_of_text("123456789")) == 0xe3069283u);
  CHECK(scale::crc32c({}) == 0u);
  std::vector<std::uint8_t> data(32, 0);
  CHECK(scale::crc32c(std::as_bytes(std::span(data))) == 0x8a9136aau);
  for (std::uint8_t& byte : data) byte = 0xff;
  CHECK(scale::crc32c(std::as_bytes(std::span(data))) == 0x62a8ab43u);
  for (std::size_t i = 0; i < 32; ++i) data[i] = static_cast<std::uint8_t>(i);
  std::span<std::byte const> const rising = std::as_bytes(std::span(data));
  CHECK(scale::crc32c(rising) == 0x46dd794eu);
  for (std::size_t cut = 0; cut <= 32; ++cut)
    CHECK(scale::crc32c(rising.subspan(cut), scale::crc32c(rising.first(cut))) == 0x46dd794eu);
}
