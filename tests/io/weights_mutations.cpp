// SPDX-License-Identifier: Apache-2.0
// Good files with bytes changed, at random with a fixed seed: each is read or refused by an input_error.
#include <scale/io/weights_file.hpp>
#include <scale/io/zip_archive.hpp>

#include "io/temporary_folder.hpp"
#include "support/shared_data.hpp"
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace testing;

struct tally {
  int read = 0, refused = 0;
};

void open_all(std::filesystem::path const& path, tally& t) {
  try {
    scale::weights_file const file(path);
    unsigned sum = 0;
    for (scale::weight_group const& group : file.groups())
      for (scale::stored_tensor const& tensor : group.tensors)
        for (std::byte const b : tensor.bytes) sum += std::to_integer<unsigned>(b);
    file.for_each_value([&](scale::named_value const& value) { return value.path.size() + sum != 1; });
    ++t.read;
  } catch (scale::input_error const&) {
    ++t.refused;
  }
}

void mutate(std::span<char> bytes, std::mt19937& random) {
  if (bytes.empty()) return;
  int const changes = 1 + static_cast<int>(random() % 4);
  for (int i = 0; i < changes; ++i) {
    std::size_t const at = random() % bytes.size();
    switch (random() % 4) {
      case 0: bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random() % 8))); break;
      case 1: bytes[at] = static_cast<char>(random()); break;
      case 2: bytes[at] = static_cast<char>(random() % 2 == 0 ? 0xff : 0); break;
      default: {  // a piece of the file over another
        std::size_t const from = random() % bytes.size();
        std::size_t const size = (std::min)({std::size_t{1} + random() % 16, bytes.size() - at, bytes.size() - from});
        std::memmove(&bytes[at], &bytes[from], size);
      }
    }
  }
}

/// Changes the content of one stored entry and puts its CRC-32 right in both headers, so that what reads the content
/// is reached.
void mutate_entry(std::string& file, std::mt19937& random) {
  auto const bytes = std::as_bytes(std::span(file.data(), file.size()));
  scale::zip_archive const archive("w", bytes);
  scale::zip_entry const* entry = nullptr;
  for (scale::zip_entry const& e : archive.entries())
    if (e.name.ends_with("data.pkl") || (entry == nullptr && !e.packed.empty() && random() % 4 == 0)) entry = &e;
  if (entry == nullptr || entry->packed.empty()) return;
  char* const content = file.data() + (entry->packed.data() - bytes.data());
  mutate(std::span(content, entry->packed.size()), random);
  std::uint32_t const crc = scale::zip_crc(entry->packed);
  std::string const name(entry->name);
  if (entry->method != scale::zip_method::stored) return;
  std::memcpy(file.data() + entry->begin + 14, &crc, 4);
  for (std::size_t at = file.find("PK\1\2"); at != std::string::npos; at = file.find("PK\1\2", at + 1))
    if (file.compare(at + 46, name.size(), name) == 0) std::memcpy(file.data() + at + 16, &crc, 4);
}

}  // namespace

TEST_CASE("weights_file: changed and shortened files are read or refused, whatever the change") {
  temporary_folder const folder;
  std::mt19937 random(7);
  tally t;
  int const rounds = 200;
  for (auto const& found : std::filesystem::directory_iterator(golden("weights"))) {
    if (!found.is_regular_file() || found.path().extension() == ".json") continue;
    std::string const good = read_text(found.path());
    bool const zip = good.starts_with("PK");
    INFO("file: ", found.path().string());
    for (int round = 0; round < rounds; ++round) {
      std::string bad = good;
      std::size_t const front = (std::min)(bad.size(), std::size_t{2048});
      switch (round % 4) {
        case 0: mutate(bad, random); break;
        case 1: mutate(std::span(bad).first(front), random); break;
        case 2: bad.resize(random() % bad.size()); break;
        default:
          if (zip)
            mutate_entry(bad, random);
          else
            mutate(std::span(bad).last((std::min)(bad.size(), std::size_t{256})), random);
      }
      open_all(folder.write("w", bad), t);
    }
  }
  CHECK(t.read > 100);  // a changed element is no damage that the kinds without checksums could see
  CHECK(t.refused > 1000);
}
