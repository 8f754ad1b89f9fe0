// SPDX-License-Identifier: Apache-2.0
#pragma once
// Every reader of files by one name and one call, for fuzzers and for tests with hostile files.

#include <cstdint>
#include <filesystem>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

struct reader {
  std::string_view name;

  /// Reads all of a file, every value in it. Returns whether it was read; false where it was refused by an input_error.
  /// Any other exception is a defect.
  bool (*read)(std::filesystem::path const& path);

  /// Puts right what a random change breaks before it gets anywhere: checksums. Null where there is nothing of that
  /// kind.
  void (*repair)(std::span<std::byte> file);

  /// Bytes of memory per byte of the file that reading may take, and 16 MiB: 1 where a format says how much there is,
  /// more where each few bytes of a text become a value of their own.
  std::size_t memory;

  /// Small good files, and some that are not.
  std::vector<std::string> (*seeds)(std::filesystem::path const& source_tree);
};

std::span<reader const> readers();

/// Throws std::invalid_argument, listing the names, where there is no such reader.
reader const& reader_named(std::string_view name);

/// One to four changes of bits, bytes and pieces, with words that formats mean something by; in one of two cases
/// repaired.
std::string mutated(std::string file, reader const& r, std::mt19937_64& random);

/// Gives bytes a path without writing them to a disk.
class memory_file {
 public:
  memory_file();
  memory_file(memory_file const&) = delete;
  memory_file& operator=(memory_file const&) = delete;
  ~memory_file();
  std::filesystem::path const& put(std::span<std::byte const> bytes);

 private:
  int descriptor_;
  std::filesystem::path path_;
};

}  // namespace fuzz
