// SPDX-License-Identifier: Apache-2.0
// libFuzzer's entry points for the reader that SCALE_FUZZ_READER names. `fuzz_readers --seeds FOLDER` writes its seeds
// there instead.
#include "fuzz/readers.hpp"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <span>
#include <string>
#include <string_view>

namespace {

fuzz::reader const& chosen() {
  static fuzz::reader const& one = [] -> fuzz::reader const& {
    char const* const name = std::getenv("SCALE_FUZZ_READER");
    return fuzz::reader_named(name == nullptr ? "" : name);
  }();
  return one;
}

void write_seeds(std::filesystem::path const& folder) {
  std::filesystem::create_directories(folder);
  int number = 0;
  for (std::string const& seed : chosen().seeds(SCALE_TEST_SOURCE_DIR))
    std::ofstream(folder / ("seed-" + std::to_string(number++)), std::ios::binary) << seed;
}

}  // namespace

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
  try {
    if (*count == 3 && std::string_view((*arguments)[1]) == "--seeds") {
      write_seeds((*arguments)[2]);
      std::exit(0);
    }
    static_cast<void>(chosen());
  } catch (std::exception const& e) {
    std::cerr << e.what() << '\n';
    std::exit(2);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static fuzz::memory_file file;
  chosen().read(file.put(std::as_bytes(std::span(data, size))));
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (chosen().repair != nullptr && seed % 2 == 0) chosen().repair(std::as_writable_bytes(std::span(data, size)));
  return size;
}
