// SPDX-License-Identifier: Apache-2.0
// Damage to a checkpoint, a model or a store never passes: every bit, every length, every pair of blocks.
#include <scale/data/feature_store.hpp>
#include <scale/nn/set_transformer_config.hpp>
#include <scale/ref.hpp>
#include <scale/train/checkpoint.hpp>
#include <scale/train/model_file.hpp>

#include "data/small_store.hpp"
#include "io/temporary_folder.hpp"
#include "reliability/campaign.hpp"
#include <doctest/doctest.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace {

using context = scale::ref::context;
using reader = std::function<void(std::filesystem::path const&)>;

/// Parameters of a network and moments of like layout, drawn from a seed.
struct network {
  network(context const& b, std::vector<scale::parameter_spec> specs)
      : params(b, scale::parameter_table(std::move(specs))),
        m(b, scale::shape{params.table().size()}),
        v(b, scale::shape{params.table().size()}) {
    scale::fill(b, m, 0);
    scale::fill(b, v, 0);
    std::mt19937 random(3);
    for (auto const& entry : params.table().entries())
      for (scale::index_t i = entry.offset; i < entry.offset + entry.size; ++i) {
        params.values()(i) = static_cast<float>(random()) * 1e-9f;
        m.view()(i) = static_cast<float>(random()) * 1e-9f;
        v.view()(i) = static_cast<float>(random()) * 1e-9f;
      }
  }
  scale::parameters<float, context> params;
  scale::tensor<float, 1, context> m, v;
};

/// A network of two tensors, whose checkpoint is about a kilobyte.
std::vector<scale::parameter_spec> two_tensors() {
  scale::parameter_spec weight, bias;
  weight.name = "weight";
  weight.shape = {3, 4};
  weight.fan_in = 4;
  bias.name = "bias";
  bias.shape = {3};
  bias.fan_in = 4;
  return {weight, bias};
}

scale::set_transformer_config small_model() {
  scale::set_transformer_config config;
  config.features = 48;
  config.width = 64;
  config.layers = 1;
  config.pred_hidden = config.target_hidden = 96;
  config.set_dim = config.dense_dim = 32;
  return config;
}

nlohmann::json const run = {{"lr", 3e-4}, {"seed", 42}};

std::string write_checkpoint(std::filesystem::path const& path, context const& b, network const& n) {
  scale::write_checkpoint<float, context>(path, b, n.params, n.m, n.v, {12, 2, run, {{"steps", 30}}});
  return testing::read_text(path);
}

/// Reads all of a checkpoint into a network of its kind.
reader checkpoint_reader(context const& b, network& into) {
  return [&b, &into](std::filesystem::path const& path) {
    scale::read_checkpoint<float, context>(path, b, run, into.params, into.m, into.v);
  };
}

/// Opens a store and looks at every number in it, video by video, without verify().
void read_store(std::filesystem::path const& path) {
  scale::feature_store const store(path);
  for (scale::index_t video = 0; video < store.videos(); ++video)
    static_cast<void>(store.features_as<float>(video).size() + store.positions_of(video).size());
}

void verify_store(std::filesystem::path const& path) { scale::feature_store(path).verify(); }

bool passes(std::filesystem::path const& path, reader const& read) {
  try {
    read(path);
    return true;
  } catch (scale::input_error const& e) {
    CHECK(testing::contains(e.what(), path.string()));
    return false;
  }
}

/// A file that is changed in place and back, so that large ones cost no copy.
class patched_file {
 public:
  patched_file(std::filesystem::path path, std::string whole)
      : path_(std::move(path)), whole_(std::move(whole)), file_(std::fopen(path_.c_str(), "r+b")) {
    REQUIRE(file_ != nullptr);
  }
  patched_file(patched_file const&) = delete;
  patched_file& operator=(patched_file const&) = delete;
  ~patched_file() { std::fclose(file_); }

  bool passes_with(std::size_t at, std::string const& bytes, reader const& read) {
    put(at, bytes);
    bool const passed = passes(path_, read);
    put(at, whole_.substr(at, bytes.size()));
    return passed;
  }
  std::string const& whole() const { return whole_; }

 private:
  void put(std::size_t at, std::string const& bytes) {
    REQUIRE(std::fseek(file_, static_cast<long>(at), SEEK_SET) == 0);
    REQUIRE(std::fwrite(bytes.data(), 1, bytes.size(), file_) == bytes.size());
    REQUIRE(std::fflush(file_) == 0);
  }

  std::filesystem::path path_;
  std::string whole_;
  std::FILE* file_;
};

/// How many of all single-bit flips are read as if nothing had happened.
int silent_flips(std::filesystem::path const& path, reader const& read) {
  patched_file file(path, testing::read_text(path));
  int silent = 0;
  for (std::size_t bit = 0; bit < file.whole().size() * 8; ++bit) {
    char const changed = static_cast<char>(file.whole()[bit / 8] ^ (1 << (bit % 8)));
    if (file.passes_with(bit / 8, std::string(1, changed), read)) ++silent;
  }
  return silent;
}

/// Random flips, each of one bit, and of a run of up to 64 bytes drawn anew.
int silent_random_damage(patched_file& file, reader const& read, int count) {
  std::mt19937_64 random(20);
  int silent = 0;
  for (int i = 0; i < count; ++i) {
    std::size_t const at = random() % file.whole().size();
    std::string bytes = file.whole().substr(at, i % 4 == 0 ? 1 + random() % 64 : 1);
    std::string const before = bytes;
    if (bytes.size() == 1)
      bytes[0] = static_cast<char>(bytes[0] ^ (1 << (random() % 8)));
    else
      for (char& c : bytes) c = static_cast<char>(random());
    if (bytes != before && file.passes_with(at, bytes, read)) ++silent;
  }
  return silent;
}

/// Pairs of blocks in each other's place.
int silent_swaps(patched_file& file, reader const& read, std::size_t block, int count) {
  std::mt19937_64 random(21);
  std::size_t const blocks = file.whole().size() / block;
  int silent = 0;
  for (int i = 0; i < count; ++i) {
    std::size_t a = random() % blocks, b = random() % blocks;
    if (a > b) std::swap(a, b);
    std::string bytes = file.whole().substr(a * block, (b - a + 1) * block);
    std::swap_ranges(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(block),
                     bytes.end() - static_cast<std::ptrdiff_t>(block));
    if (bytes != file.whole().substr(a * block, bytes.size()) && file.passes_with(a * block, bytes, read)) ++silent;
  }
  return silent;
}

}  // namespace

TEST_CASE("damage: every flipped bit and every truncation of a small checkpoint is refused, and changes nothing") {
  testing::temporary_folder const folder;
  context const b;
  network const written(b, two_tensors());
  network into(b, two_tensors());
  std::string const whole = write_checkpoint(folder / "c", b, written);
  reader const read = checkpoint_reader(b, into);
  REQUIRE(passes(folder / "c", read));
  scale::fill(b, into.params.values(), 7);
  CHECK(silent_flips(folder / "c", read) == 0);
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_FALSE(passes(folder.write("damaged", whole.substr(0, size)), read));
  CHECK_FALSE(passes(folder.write("damaged", whole + '\0'), read));
  for (float const value : into.params.read(b, "weight")) CHECK(value == 7);
}

TEST_CASE("damage: every flipped bit of a small checkpoint is refused by whoever opens it as safetensors") {
  testing::temporary_folder const folder;
  context const b;
  write_checkpoint(folder / "c", b, network(b, two_tensors()));
  CHECK(silent_flips(folder / "c", [](std::filesystem::path const& path) { scale::safetensors_file const f(path); }) ==
        0);
}

TEST_CASE("damage: a model's header, a bit of every byte; its data at random") {
  testing::temporary_folder const folder;
  context const b;
  network const written(b, scale::set_transformer_parameters(small_model()));
  scale::model_description about;
  about.config = small_model();
  scale::write_model(folder / "m", b, written.params, about);
  std::string const whole = testing::read_text(folder / "m");
  std::uint64_t header = 0;
  std::memcpy(&header, whole.data(), sizeof(header));
  reader const read = [](std::filesystem::path const& path) { scale::model_file const model(path); };
  REQUIRE(passes(folder / "m", read));
  patched_file file(folder / "m", whole);
  int silent = 0;
  for (std::size_t at = 0; at < 8 + header; ++at)
    if (file.passes_with(at, std::string(1, static_cast<char>(whole[at] ^ (1 << (at % 8)))), read)) ++silent;
  CHECK(silent == 0);
  CHECK(silent_random_damage(file, read, 200) == 0);
}

TEST_CASE("damage: random changes and swapped blocks of a checkpoint of a real network") {
  testing::temporary_folder const folder;
  context const b;
  network const written(b, scale::set_transformer_parameters(small_model()));
  network into(b, scale::set_transformer_parameters(small_model()));
  patched_file file(folder / "c", write_checkpoint(folder / "c", b, written));
  reader const read = checkpoint_reader(b, into);
  REQUIRE(passes(folder / "c", read));
  int const count = testing::campaign_size("SCALE_DAMAGE_FLIPS", 1000);
  CHECK(silent_random_damage(file, read, count) == 0);
  for (std::size_t const block : {4u, 64u, 4096u}) CHECK(silent_swaps(file, read, block, count / 10) == 0);
}

TEST_CASE("damage: a store's numbers are never seen before their checksum was right") {
  testing::temporary_folder const folder;
  for (scale::stored_type const type : {scale::stored_type::f16, scale::stored_type::f32}) {
    testing::write_store(folder / "s", type, 3, {2, 2, 1});
    std::string const whole = testing::read_text(folder / "s");
    REQUIRE(passes(folder / "s", read_store));
    CHECK(silent_flips(folder / "s", verify_store) == 0);
    // without verify(), all but the zeros between sections, which hold nothing
    std::size_t zeros = 0;
    std::uint64_t sections[12];
    std::memcpy(sections, whole.data() + 64, sizeof(sections));
    for (std::size_t i = 2; i < 12; i += 2)
      zeros += static_cast<std::size_t>(sections[i] - sections[i - 2] - sections[i - 1]);
    CHECK(silent_flips(folder / "s", read_store) == static_cast<int>(zeros * 8));
    for (std::size_t size = 0; size < whole.size(); ++size)
      CHECK_FALSE(passes(folder.write("damaged", whole.substr(0, size)), read_store));
  }
}

TEST_CASE("damage: each way to see a damaged video's numbers is refused, other videos' are not") {
  testing::temporary_folder const folder;
  testing::write_store(folder / "s", scale::stored_type::f32, 3, {2, 2, 2});
  std::string whole = testing::read_text(folder / "s");
  whole[256 + 3 * 4 * 2 + 1] ^= 1;  // the second video's first feature
  folder.write("s", whole);
  scale::feature_store const s(folder / "s");
  std::vector<float> six(6), three(3);
  CHECK(s.features_as<float>(0).size() == 6);
  CHECK(s.features_of<context, float>(2).size() == 6);
  std::vector<std::function<void()>> const ways = {[&] { static_cast<void>(s.raw_features()); },
                                                   [&] { static_cast<void>(s.raw_features(1)); },
                                                   [&] { static_cast<void>(s.features<context, float>()); },
                                                   [&] { static_cast<void>(s.features_of<context, float>(1)); },
                                                   [&] { static_cast<void>(s.feature_rows<context, float>()); },
                                                   [&] { static_cast<void>(s.position_values()); },
                                                   [&] { static_cast<void>(s.raw_position_values()); },
                                                   [&] { static_cast<void>(s.position_rows<context>()); },
                                                   [&] { static_cast<void>(s.raw_position_rows<context>()); },
                                                   [&] { static_cast<void>(s.positions<context>()); },
                                                   [&] { static_cast<void>(s.positions_of(1)); },
                                                   [&] { static_cast<void>(s.raw_positions_of(1)); },
                                                   [&] { s.read_features<float>(1, six); },
                                                   [&] { s.read_clip<float>(1, 1, three); },
                                                   [&] { static_cast<void>(s.features_as<double>(1)); }};
  for (std::size_t i = 0; i < ways.size(); ++i) {
    CAPTURE(i);
    CHECK_THROWS_WITH_AS(ways[i](), doctest::Contains("'set1/v1.avi' is damaged"), scale::input_error);
  }
}

TEST_CASE("damage: random changes and swapped blocks of a large store") {
  testing::temporary_folder const folder;
  testing::write_store(folder / "s", scale::stored_type::f16, 96, std::vector<std::size_t>(300, 8));
  patched_file file(folder / "s", testing::read_text(folder / "s"));
  REQUIRE(passes(folder / "s", verify_store));
  int const count = testing::campaign_size("SCALE_DAMAGE_FLIPS", 1000);
  CHECK(silent_random_damage(file, verify_store, count) == 0);
  for (std::size_t const block : {2u, 64u, 192u, 4096u})
    CHECK(silent_swaps(file, verify_store, block, count / 10) == 0);
}

TEST_CASE("damage: numbers that are not finite are neither written nor read, by name") {
  testing::temporary_folder const folder;
  context const b;
  network good(b, two_tensors()), bad(b, two_tensors()), into(b, two_tensors());
  write_checkpoint(folder / "c", b, good);
  for (float const value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
    for (int which = 0; which < 3; ++which) {
      scale::tensor_view<float, 1, context> const all[] = {bad.params.values(), bad.m, bad.v};
      char const* const names[] = {"'bias'", "'adamw.m/bias'", "'adamw.v/bias'"};
      scale::index_t const at = bad.params.table().at("bias").offset + 1;
      float const before = all[which](at);
      all[which](at) = value;
      CHECK_THROWS_WITH_AS(write_checkpoint(folder / "c", b, bad), doctest::Contains(names[which]),
                           scale::divergence_error);
      all[which](at) = before;
    }
  reader const read = checkpoint_reader(b, into);
  CHECK(passes(folder / "c", read));
  CHECK(folder.names() == std::vector<std::string>{"c"});
  std::vector<scale::stored_tensor> tensors;  // the same file from a writer that does not look
  std::vector<float> weight(12, 1), bias(3, 1), infinite = {1, 1, -std::numeric_limits<float>::infinity()};
  for (std::string const prefix : {"", "adamw.m/", "adamw.v/"}) {
    tensors.push_back(scale::as_stored(prefix + "weight", {3, 4}, std::span<float const>(weight)));
    tensors.push_back(
        scale::as_stored(prefix + "bias", {3}, std::span<float const>(prefix == "adamw.v/" ? infinite : bias)));
  }
  scale::write_checksummed_safetensors(folder / "c", tensors,
                                       {{"format", std::string(scale::checkpoint_format)},
                                        {"step", "1"},
                                        {"epoch", "0"},
                                        {"config", run.dump()},
                                        {"schedule", "{}"}});
  CHECK_THROWS_WITH_AS(read(folder / "c"), doctest::Contains("'adamw.v/bias'"), scale::input_error);
}
