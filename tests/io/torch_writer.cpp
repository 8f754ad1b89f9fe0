// SPDX-License-Identifier: Apache-2.0
#include <scale/io/sha256.hpp>
#include <scale/io/torch_writer.hpp>
#include <scale/io/weights_file.hpp>

#include "io/temporary_folder.hpp"
#include "support/shared_data.hpp"
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace testing;
using scale::argument_error;
using scale::index_t;
using scale::stored_tensor;
using scale::stored_type;
using scale::weights_file;

void expect_same(std::span<stored_tensor const> written, std::vector<stored_tensor> const& read) {
  REQUIRE(written.size() == read.size());
  for (std::size_t i = 0; i < read.size(); ++i) {
    INFO("tensor: ", written[i].name);
    CHECK(read[i].name == written[i].name);
    CHECK(read[i].type == written[i].type);
    CHECK(read[i].shape == written[i].shape);
    CHECK(std::equal(read[i].bytes.begin(), read[i].bytes.end(), written[i].bytes.begin(), written[i].bytes.end()));
  }
}

}  // namespace

TEST_CASE("write_torch: what is written is read, every type, any shape and name, in order") {
  temporary_folder const folder;
  for (auto const fields : {scale::detail::zip64_fields::where_needed, scale::detail::zip64_fields::everywhere})
    for (char const* const name : {"flat.pth", "strided.pth", "many.pth", "student.pth"}) {
      weights_file const from(golden("weights") / name);
      write_torch(folder / "out.pth", from.tensors(), fields);
      weights_file const to(folder / "out.pth");
      CHECK(to.kind() == scale::weights_kind::torch_zip);
      CHECK(to.groups().size() == 1);
      expect_same(from.tensors(), to.tensors());
    }
  scale::write_torch(folder / "none.pth", {});
  CHECK(weights_file(folder / "none.pth").tensors().empty());
  // Extents and strides of every width that the pickle has numbers of.
  std::vector<std::byte> const zeros(70000 * 300);
  std::vector<stored_tensor> const wide = {{"a", stored_type::u8, {70000, 300}, zeros},
                                           {"b", stored_type::u8, {300, 70000, 1}, zeros},
                                           {"c", stored_type::u8, {0, index_t{1} << 40}, {}}};
  write_torch(folder / "wide.pth", wide);
  expect_same(wide, weights_file(folder / "wide.pth").tensors());
}

TEST_CASE("write_torch: the same bytes for the same tensors, storages at multiples of 64") {
  temporary_folder const folder;
  std::vector<float> const values = {1, 2, 3, 4, 5, 6};
  std::vector<stored_tensor> const tensors = {scale::as_stored("a.weight", {2, 3}, std::span<float const>(values)),
                                              scale::as_stored("a.bias", {6}, std::span<float const>(values))};
  write_torch(folder / "one.pth", tensors);
  write_torch(folder / "another name.pth", tensors);
  std::string const text = read_text(folder / "one.pth");
  CHECK(text == read_text(folder / "another name.pth"));
  CHECK(scale::sha256_of_file(folder / "one.pth") ==
        "4b1024179ee7051aa97a8c2d1c4736e53267105a1dd1eb31dc95cc7b303be91f");
  auto const bytes = std::as_bytes(std::span(text.data(), text.size()));
  scale::zip_archive const archive("one.pth", bytes);
  for (scale::zip_entry const& entry : archive.entries()) {
    INFO("entry: ", entry.name);
    CHECK(entry.method == scale::zip_method::stored);
    CHECK((entry.packed.data() - bytes.data()) % 64 == 0);
    CHECK(entry.name.starts_with("archive/"));
  }
  CHECK(archive.find("archive/data/0")->size == 24);
  CHECK(archive.find("archive/data/2") == nullptr);
}

TEST_CASE("write_torch: what a state dict cannot hold is refused, the tensor named, and nothing left behind") {
  temporary_folder const folder;
  std::vector<std::byte> const bytes(8);
  auto const why = [&](std::vector<stored_tensor> const& tensors) {
    return message_of<argument_error>([&] { write_torch(folder / "out.pth", tensors); });
  };
  stored_tensor const good{"w", stored_type::f32, {2}, bytes};
  CHECK(contains(why({good, good}), "'w' is given twice"));
  CHECK(contains(why({{"", stored_type::f32, {2}, bytes}}), "no name"));
  CHECK(contains(why({{"\xff", stored_type::f32, {2}, bytes}}), "UTF-8"));
  CHECK(contains(why({{"w", stored_type::f32, {3}, bytes}}), "8 bytes"));
  CHECK(contains(why({{"w", stored_type::u16, {4}, bytes}}), "'w' is U16"));
  CHECK(contains(why({{"w", stored_type::f8_e4m3, {8}, bytes}}), "'w' is F8_E4M3"));
  CHECK(folder.names().empty());
}
