// SPDX-License-Identifier: Apache-2.0
#include <scale/data/export_npy.hpp>
#include <scale/data/feature_store.hpp>
#include <scale/ref/context.hpp>

#include "data/small_store.hpp"
#include "io/temporary_folder.hpp"
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

using host = scale::ref::context;
using scale::argument_error;
using scale::f16;
using scale::feature_store;
using scale::feature_store_writer;
using scale::index_t;
using scale::input_error;
using scale::stored_type;
using testing::contains;
using testing::message_of;
using testing::temporary_folder;
using testing::video_data;

TEST_CASE("feature store: everything written is read, in f16 and f32") {
  temporary_folder const folder;
  for (stored_type const type : {stored_type::f16, stored_type::f32}) {
    feature_store const store(testing::write_store(folder / "s", type, 5, {3, 3, 3, 3}));
    store.verify();
    CHECK(store.videos() == 4);
    CHECK(store.rows() == 12);
    CHECK(store.is_uniform());
    CHECK(store.clips() == 3);
    CHECK(store.feature_width() == 5);
    CHECK(store.feature_type() == type);
    CHECK(store.classes() == std::vector<std::string>{"hug", "kick"});
    CHECK(store.columns() == std::vector<std::string>{"path", "label", "group"});
    CHECK(store.labels() == std::vector<std::int32_t>{0, 1, 0, 1});
    CHECK(store.column(2, "group") == "g2");
    CHECK(store.provenance() == testing::provenance());
    REQUIRE(store.failures().size() == 1);
    CHECK(store.failures()[0].name == "broken.mp4");
    CHECK(store.failures()[0].reason == "no frame decodes");
    for (int n = 0; n < 4; ++n) {
      video_data const expected(n, 3, 5);
      scale::store_record const& record = store.record(n);
      CHECK(record.name == expected.row.name);
      CHECK(record.width == 320);
      CHECK(record.height == 240);
      CHECK(record.frames == 100 + n);
      CHECK(record.fps == 29.97);
      CHECK(store.features_as<float>(n) == expected.features);
      CHECK(store.features_as<double>(n) == std::vector<double>(expected.features.begin(), expected.features.end()));
      std::span<float const> const positions = store.positions_of(n), raw = store.raw_positions_of(n);
      CHECK(std::vector<float>(positions.begin(), positions.end()) == expected.positions);
      CHECK(std::vector<float>(raw.begin(), raw.end()) == expected.raw);
      std::vector<float> clip(5);
      store.read_clip(n, 2, std::span<float>(clip));
      CHECK(clip == std::vector<float>(expected.features.end() - 5, expected.features.end()));
    }
    CHECK_THROWS_AS((void)store.record(4), argument_error);
    CHECK(contains(message_of<input_error>([&] { (void)store.column(0, "sequence"); }), "path label group"));
  }
  CHECK(folder.names() == std::vector<std::string>{"s"});
}

TEST_CASE("feature store: views show the file's own memory, aligned, for backends of the host") {
  temporary_folder const folder;
  feature_store const store(testing::write_store(folder / "s", stored_type::f16, 5, {3, 3}));
  auto const all = store.features<host, f16>();
  CHECK(all.extents() == scale::shape{2, 3, 5});
  CHECK(static_cast<float>(all(1, 2, 4)) == 16.f + 2 + 0.5f);
  CHECK(static_cast<void const*>(all.data_handle()) == static_cast<void const*>(store.raw_features().data()));
  CHECK(reinterpret_cast<std::uintptr_t>(all.data_handle()) % 64 == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(store.position_values().data()) % 64 == 0);
  CHECK(store.features_of<host, f16>(1)(2, 4).bits == all(1, 2, 4).bits);
  CHECK(store.feature_rows<host, f16>()(5, 4).bits == all(1, 2, 4).bits);
  CHECK(store.positions<host>()(1, 1, 0) == 7.f / 64);
  CHECK(store.position_rows<host>().extents() == scale::shape{6, 7});
  CHECK(store.raw_position_rows<host>()(3, 0) == 100.f);
  CHECK(contains(message_of<argument_error>([&] { (void)store.features<host, float>(); }), "expected F32, got F16"));
}

TEST_CASE("feature store: videos may differ in clips") {
  temporary_folder const folder;
  feature_store const store(testing::write_store(folder / "s", stored_type::f32, 2, {1, 4, 2}));
  store.verify();
  CHECK_FALSE(store.is_uniform());
  CHECK_THROWS_AS((void)store.clips(), input_error);
  CHECK_THROWS_AS((void)(store.features<host, float>()), input_error);
  CHECK(store.record(2).row_begin == 5);
  CHECK(store.features_as<float>(2) == video_data(2, 2, 2).features);
  CHECK(contains(message_of<input_error>([&] { feature_store const s(folder / "s", {.clips = 4}); }), "they differ"));
}

TEST_CASE("feature store: another store than asked for is refused by name") {
  temporary_folder const folder;
  testing::write_store(folder / "s", stored_type::f16, 5, {3});
  auto const refused = [&](scale::store_expectation const& expected, std::string const& part) {
    std::string const text = message_of<input_error>([&] { feature_store const s(folder / "s", expected); });
    CHECK_MESSAGE(contains(text, part), text);
    CHECK(contains(text, (folder / "s").string()));
  };
  refused({.backbone = "byl"}, "backbone: expected 'byl', found 'toy'");
  refused({.weights_sha256 = "ab"}, "SHA-256 of the weights");
  refused({.views = "val"}, "views: expected 'val', found 'some'");
  refused({.frame_pool = "mean"}, "frame pool");
  refused({.feature_width = 6}, "feature width: expected 6, found 5");
  refused({.clips = 16}, "clips per video: expected 16, found 3");
  refused({.type = stored_type::f32}, "type of features: expected F32, found F16");
  CHECK_NOTHROW(feature_store(folder / "s", {.backbone = "toy", .feature_width = 5, .clips = 3}));
}

TEST_CASE("feature store: every flipped bit of the file is found by opening and verifying it") {
  temporary_folder const folder;
  std::string const whole = testing::read_text(testing::write_store(folder / "s", stored_type::f16, 5, {2, 3}));
  REQUIRE(whole.size() < 3000);
  std::size_t found = 0;
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    std::filesystem::path const path = folder.write("flip", damaged);
    try {
      feature_store(path).verify();
    } catch (input_error const&) {
      ++found;
    }
  }
  CHECK(found == whole.size() * 8);
}

TEST_CASE("feature store: every truncation is refused, and so are bytes behind the end") {
  temporary_folder const folder;
  std::string const whole = testing::read_text(testing::write_store(folder / "s", stored_type::f32, 5, {2, 3}));
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_THROWS_AS(feature_store(folder.write("cut", std::string_view(whole).substr(0, size))), input_error);
  CHECK_THROWS_AS(feature_store(folder.write("cut", whole + '\0')), input_error);
}

TEST_CASE("feature store: a header that lies under a right checksum is refused") {
  temporary_folder const folder;
  std::string const whole = testing::read_text(testing::write_store(folder / "s", stored_type::f16, 5, {2, 2}));
  auto const refused = [&](auto const& change) {
    scale::detail::store::file_header header;
    std::memcpy(&header, whole.data(), sizeof(header));
    change(header);
    header.header_crc = scale::crc32c(std::as_bytes(std::span(&header, 1)).first(sizeof(header) - 4));
    std::string lying = whole;
    std::memcpy(lying.data(), &header, sizeof(header));
    CHECK_THROWS_AS(feature_store(folder.write("lie", lying)), input_error);
  };
  refused([](auto& h) { h.version = 2; });
  refused([](auto& h) { h.byte_order = 0x04030201; });
  refused([](auto& h) { h.feature_width = 0; });
  refused([](auto& h) { h.feature_width = 6; });
  refused([](auto& h) { h.feature_type = 2; });
  refused([](auto& h) { h.feature_type = 3; });
  refused([](auto& h) { h.rows = ~std::uint64_t{0}; });
  refused([](auto& h) { h.rows = (std::uint64_t{1} << 63) / 5; });
  refused([](auto& h) { h.videos = 0; });
  refused([](auto& h) { h.videos = std::uint64_t{1} << 58; });
  refused([](auto& h) { h.clips = 4; });
  refused([](auto& h) { h.features.size = ~std::uint64_t{0}; });
  refused([](auto& h) { h.records.begin = ~std::uint64_t{0} - 10; });
  refused([](auto& h) { h.description.size -= 1; });
  refused([](auto& h) { std::swap(h.positions, h.raw); });
  refused([](auto& h) { h.reserved[3] = 1; });
}

TEST_CASE("feature store: numbers that cannot be stored are refused with the video's name, and nothing is added") {
  temporary_folder const folder;
  feature_store_writer writer(folder / "s", testing::description(stored_type::f16, 2));
  auto const refused = [&](auto const& change, std::string const& part) {
    video_data video(7, 2, 2);
    change(video);
    std::string const text = message_of<input_error>([&] { writer.append(video.row); });
    CHECK_MESSAGE(contains(text, part), text);
    CHECK(contains(text, "set1/v7.avi"));
  };
  refused([](auto& v) { v.features[3] = std::numeric_limits<float>::quiet_NaN(); }, "feature 1 of clip 1 is NaN");
  refused([](auto& v) { v.features[2] = -std::numeric_limits<float>::infinity(); }, "feature 0 of clip 1 is infinite");
  refused([](auto& v) { v.features[0] = 65520.f; }, "above 65504");
  refused([](auto& v) { v.positions[8] = std::numeric_limits<float>::quiet_NaN(); }, "position 1 of clip 1");
  refused([](auto& v) { v.raw[0] = std::numeric_limits<float>::infinity(); }, "raw position 0");
  refused([](auto& v) { v.row.fps = std::nan(""); }, "frame rate");
  video_data largest(1, 2, 2);
  largest.features[0] = 65519.f;  // rounds to 65504
  writer.append(largest.row);
  writer.finish();
  feature_store const store(folder / "s");
  CHECK(store.videos() == 1);
  CHECK(store.features_as<float>(0)[0] == 65504.f);
}

TEST_CASE("feature store: what does not fit the store is the caller's error; without finish there is no file") {
  temporary_folder const folder;
  {
    feature_store_writer writer(folder / "s", testing::description(stored_type::f32, 2));
    auto const refused = [&](auto const& change) {
      video_data video(7, 2, 2);
      change(video.row);
      CHECK_THROWS_AS(writer.append(video.row), argument_error);
    };
    refused([](auto& v) { v.name.clear(); });
    refused([](auto& v) { v.columns.pop_back(); });
    refused([](auto& v) { v.label = 2; });
    refused([](auto& v) { v.label = -2; });
    refused([](auto& v) { v.features = v.features.first(3); });
    refused([](auto& v) { v.positions = v.positions.first(7); });
    refused([](auto& v) { v.positions = {}; });
    refused([](auto& v) { v.raw_positions = v.raw_positions.first(7); });
    CHECK(contains(message_of<input_error>([&] { writer.finish(); }), "no video"));
    video_data const video(7, 2, 2);
    writer.append(video.row);
    CHECK_THROWS_AS(writer.append(video.row), argument_error);
    CHECK_THROWS_AS(writer.append_failure({video.row.name, "twice"}), argument_error);
    CHECK(folder.names().size() == 1);  // the temporary file of the features; the others have no name
    CHECK_FALSE(std::filesystem::exists(folder / "s"));
  }
  CHECK(folder.names().empty());
  scale::store_description lacking = testing::description(stored_type::f32, 2);
  lacking.provenance.erase("decoder");
  CHECK_THROWS_AS(feature_store_writer(folder / "s", lacking), argument_error);
  CHECK(folder.names().empty());
}

TEST_CASE("feature store: damage is named by video; the fingerprint tells stores apart; writing repeats itself") {
  temporary_folder const folder;
  std::string const a = testing::read_text(testing::write_store(folder / "a", stored_type::f16, 64, {3, 3, 3}));
  std::string const b = testing::read_text(testing::write_store(folder / "b", stored_type::f16, 64, {3, 3, 3}));
  CHECK(a == b);
  CHECK(feature_store(folder / "a").fingerprint() == feature_store(folder / "b").fingerprint());
  testing::write_store(folder / "c", stored_type::f16, 64, {3, 3, 2});
  CHECK(feature_store(folder / "a").fingerprint() != feature_store(folder / "c").fingerprint());
  std::string damaged = a;
  damaged[256 + 3 * 64 * 2 + 10] = static_cast<char>(damaged[256 + 3 * 64 * 2 + 10] ^ 4);
  feature_store const store(folder.write("d", damaged));
  CHECK(store.damaged_videos() == std::vector<index_t>{1});
  CHECK(contains(message_of<input_error>([&] { store.verify(); }), "set1/v1.avi"));
}

TEST_CASE("feature store: a large one streams through; names may hold any byte") {
  temporary_folder const folder;
  feature_store_writer writer(folder / "s", testing::description(stored_type::f16, 300));
  for (int n = 0; n < 300; ++n) {
    video_data video(n, 16, 300);
    for (float& x : video.features) x /= 2;
    video.row.name += std::string("\n\xff\0,", 4);
    writer.append(video.row);
  }
  writer.append_failure({"\xff\xfe", "cannot be opened: \xff", 300});
  CHECK_THROWS_AS(writer.append_failure({"other", "an index that came before", 300}), argument_error);
  writer.finish();
  feature_store const store(folder / "s");
  store.verify();
  CHECK(store.record(299).name == std::string("set1/v299.avi\n\xff\0,", 17));
  REQUIRE(store.failures().size() == 1);
  CHECK(store.failures()[0].name == "\xff\xfe");
  CHECK(store.failures()[0].reason == "cannot be opened: \xef\xbf\xbd");
  CHECK(store.failures()[0].index == 300);
  CHECK(store.raw_positions_of(299)[8] == 29908.f);
  CHECK(store.features_as<float>(299)[299] == static_cast<float>(f16((299 * 16 + 299.f / 8) / 2)));
}

TEST_CASE("feature store: what the description cannot hold is refused before any work") {
  temporary_folder const folder;
  auto const refused = [&]<class E>(scale::store_description const& d, std::string const& part, E const*) {
    std::string const text = message_of<E>([&] { feature_store_writer const writer(folder / "s", d); });
    CHECK_MESSAGE(contains(text, part), text);
  };
  scale::store_description d = testing::description(stored_type::f32, 2);
  d.columns[1] = "\xe9tiquette";
  refused(d, "column 1: expected a name in UTF-8, found '\\xe9tiquette'", static_cast<input_error*>(nullptr));
  d = testing::description(stored_type::f32, 2);
  d.classes[0] = "caf\xe9";
  refused(d, "class 0: expected a name in UTF-8, found 'caf\\xe9'", static_cast<input_error*>(nullptr));
  d = testing::description(stored_type::f32, 2);
  d.provenance["decoder"] = "\xff";
  refused(d, "UTF-8", static_cast<argument_error*>(nullptr));
  CHECK(folder.names().empty());
}

TEST_CASE("feature store: told from other files by how it begins") {
  temporary_folder const folder;
  std::string const whole = testing::read_text(testing::write_store(folder / "s", stored_type::f16, 2, {2}));
  CHECK(scale::is_feature_store(folder / "s"));
  CHECK(scale::is_feature_store(folder.write("cut", whole.substr(0, 100))));
  CHECK_FALSE(scale::is_feature_store(folder.write("head", whole.substr(0, 7))));
  CHECK_FALSE(scale::is_feature_store(folder.write("text", "path,label\na.mp4,0\n")));
  CHECK_FALSE(scale::is_feature_store(folder.write("empty", "")));
  CHECK_FALSE(scale::is_feature_store(folder / "nothing"));
  CHECK_FALSE(scale::is_feature_store(folder.path()));
}

TEST_CASE("feature store: exported to npy") {
  temporary_folder const folder;
  feature_store const even(testing::write_store(folder / "a", stored_type::f16, 5, {3, 3}));
  scale::export_features(even, folder / "f.npy");
  scale::npy_file const features(folder / "f.npy");
  CHECK(features.tensor().type == stored_type::f16);
  CHECK(features.tensor().shape == std::vector<index_t>{2, 3, 5});
  CHECK(features.read<float>()[15] == 16.f);
  scale::export_positions(even, folder / "r.npy", scale::position_kind::raw);
  CHECK(scale::npy_file(folder / "r.npy").tensor().shape == std::vector<index_t>{2, 3, 7});
  CHECK(scale::npy_file(folder / "r.npy").read<float>()[21] == 100.f);
  scale::export_labels(even, folder / "l.npy");
  CHECK(scale::npy_file(folder / "l.npy").read<int>() == std::vector<int>{0, 1});
  feature_store const uneven(testing::write_store(folder / "b", stored_type::f32, 2, {1, 2}));
  scale::export_features(uneven, folder / "u.npy");
  CHECK(scale::npy_file(folder / "u.npy").tensor().shape == std::vector<index_t>{3, 2});
  scale::export_row_videos(uneven, folder / "v.npy");
  CHECK(scale::npy_file(folder / "v.npy").read<int>() == std::vector<int>{0, 1, 1});
}
