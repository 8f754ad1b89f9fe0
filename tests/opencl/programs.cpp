// SPDX-License-Identifier: Apache-2.0
#include <scale/opencl.hpp>

#include <doctest/doctest.h>
#include <io/temporary_folder.hpp>
#include <support/compare.hpp>

#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

namespace {

using scale::shape;
using scale::opencl::context;
using scale::opencl::program_cache;
using testing::contains;

void write(std::filesystem::path const& file, std::string const& content) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
}

std::vector<std::filesystem::path> files_in(std::filesystem::path const& folder) {
  std::vector<std::filesystem::path> files;
  if (std::filesystem::exists(folder))
    for (auto const& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  return files;
}

/// Runs one kernel on a context of its own, whose programs are kept in `folder`.
void run(std::filesystem::path const& folder, program_cache cache = program_cache::disk) {
  context const c({.cache = cache, .cache_folder = folder});
  auto const x = testing::make_tensor<2>(c, shape{1, 3}, std::vector<float>{-1, 0, 2});
  scale::tensor<float, 2, context> y(c, shape{1, 3});
  scale::relu_forward(c, x, {.y = y});
  CHECK(testing::values_of(c, y) == std::vector<float>{0, 0, 2});
}

TEST_CASE("opencl: compiled programs are kept on disk, one file each, and used again") {
  testing::temporary_folder const folder;
  std::filesystem::path const cache = folder.path() / "made" / "by it";
  run(cache);
  auto const files = files_in(cache);
  REQUIRE(files.size() == 1);
  auto const written = std::filesystem::last_write_time(files[0]);
  std::string const before = testing::read_text(files[0]);
  run(cache);
  CHECK(files_in(cache) == files);
  CHECK(std::filesystem::last_write_time(files[0]) == written);
  CHECK(testing::read_text(files[0]) == before);
}

TEST_CASE("opencl: a damaged program is not used, but compiled and written again") {
  testing::temporary_folder const folder;
  run(folder.path());
  auto const files = files_in(folder.path());
  REQUIRE(files.size() == 1);
  std::string const whole = testing::read_text(files[0]);
  std::string changed = whole, of_another = whole;
  changed[whole.size() / 2] = static_cast<char>(changed[whole.size() / 2] ^ 1);
  of_another[30] = of_another[30] == 'a' ? 'b' : 'a';  // within the key
  for (std::string const& damaged :
       {std::string(), whole.substr(0, 40), whole.substr(0, whole.size() - 1), whole + "x", changed, of_another}) {
    write(files[0], damaged);
    run(folder.path());
    CHECK(testing::read_text(files[0]).size() == whole.size());
    CHECK(testing::read_text(files[0]).substr(0, 60) == whole.substr(0, 60));
  }
}

TEST_CASE("opencl: a program that the driver refuses is compiled again") {
  testing::temporary_folder const folder;
  scale::opencl::detail::program_file const file(folder.path(), "some key");
  std::vector<unsigned char> const content = {1, 2, 3};
  file.write(content);
  CHECK(file.read() == content);
  CHECK(!scale::opencl::detail::program_file(folder.path(), "another key").read());

  // a whole entry, whose binary is no program
  run(folder.path() / "cache");
  auto const entry = files_in(folder.path() / "cache").front();
  std::string const whole = testing::read_text(entry);
  std::string const binary = "no program";
  auto const hash = scale::sha256_hex(std::as_bytes(std::span(binary.data(), binary.size())));
  constexpr std::size_t hash_begin = 23 + 65;
  write(entry, whole.substr(0, hash_begin) + hash + "\n" + binary);
  run(folder.path() / "cache");
  CHECK(testing::read_text(entry).size() > whole.size() / 2);
}

TEST_CASE("opencl: no folder, or one that cannot be written, costs time and nothing else") {
  testing::temporary_folder const folder;
  run(folder.path() / "unused", program_cache::memory);
  CHECK(!std::filesystem::exists(folder.path() / "unused"));
  write(folder.path() / "a file", "");
  run(folder.path() / "a file" / "cache");
}

TEST_CASE("opencl: kernels that do not compile are an error with kernel, device and the compiler's words") {
  context const c({.cache = program_cache::memory});
  static constexpr scale::opencl::detail::program_source broken{"broken",
                                                                {"kernel void broken(global float* x) { y; }"}};
  std::string const text = testing::message_of<scale::resource_error>(
      [&] { scale::opencl::detail::launch(c, "broken_op", broken, "broken", {1}); });
  CHECK(contains(text, "[broken_op] the kernels of 'broken' do not compile for device '" + c.device_name()));
  CHECK(contains(text, "its compiler says:"));
  CHECK(contains(text, "'y'"));
}

}  // namespace
