// SPDX-License-Identifier: Apache-2.0
// V-JEPA 2's encoder against the golden files; names of all files that hold it; its angles.
#include <scale/backbone/vjepa2.hpp>
#include <scale/cpu.hpp>
#include <scale/io/safetensors_writer.hpp>
#include <scale/ref.hpp>

#include "backbone/vit_golden.hpp"
#include "support/thrown.hpp"
#include <unistd.h>

#include <filesystem>
#include <string>

namespace {

using scale::index_t;
using testing::contains;
using testing::memory_weights;

static_assert(scale::clip_backbone<scale::vjepa2_l_backbone<float, scale::cpu::context>, float, scale::cpu::context>);

scale::cpu::context const cpu(2);
scale::ref::context const ref;

template <class T, class B>
void check_files(B const& b, std::vector<std::string> const& names, char const* type, index_t blocks = -1) {
  scale::vit_size size = scale::vjepa2_large;
  if (blocks >= 0) size.depth = blocks;
  auto const weights = testing::table_weights(scale::vjepa2_weights(size), scale::vjepa2_transformers_names);
  scale::vjepa2_l_backbone<T, B> network(b, weights, {}, size);
  for (std::string const& name : names) testing::check_vit_golden<T>(b, network, name, type, blocks);
}

}  // namespace

TEST_CASE("vjepa2: the first blocks on cpu in float, and on ref in double, which alone sees a wrong epsilon") {
  check_files<float>(cpu, {"vjepa2_l_16x96x96", "vjepa2_l_8x64x64"}, "fp32", 2);
  check_files<double>(ref, {"vjepa2_l_16x96x96", "vjepa2_l_8x64x64"}, "fp64", 1);
}

TEST_CASE("vjepa2: the first blocks on cpu in bf16") {
  check_files<scale::bf16>(cpu, {"vjepa2_l_16x96x96", "vjepa2_l_8x64x64"}, "bf16", 2);
}

TEST_CASE("vjepa2: golden clips on cpu in float" * doctest::skip(!testing::long_cases())) {
  check_files<float>(cpu, {"vjepa2_l_16x96x96", "vjepa2_l_8x64x64"}, "fp32");
}

TEST_CASE("vjepa2: the small golden clip on ref in double" * doctest::skip(!testing::long_cases())) {
  check_files<double>(ref, {"vjepa2_l_8x64x64"}, "fp64");
}

namespace {

constexpr scale::vit_size small{.width = 32, .depth = 2, .heads = 2, .hidden = 40, .tubelet = 2, .patch = 4};
using small_backbone = scale::vjepa2_l_backbone<float, scale::cpu::context>;

std::vector<float> features_of(scale::cpu::context const& b, small_backbone& network, index_t t, index_t h, index_t w) {
  auto const values = golden::fill("clip", std::vector<index_t>{1, 3, t, h, w}, 0, 1, 1);
  scale::tensor<float, 5, scale::cpu::context> x(b, scale::shape<5>{{1, 3, t, h, w}});
  scale::upload(b, std::vector<float>(values.begin(), values.end()), x);
  scale::tensor<float, 2, scale::cpu::context> y(b, scale::shape{index_t{1}, network.feature_width()});
  network.forward(b, x.view(), y.view());
  std::vector<float> result(static_cast<std::size_t>(y.size()));
  scale::download(b, y, result);
  return result;
}

}  // namespace

TEST_CASE("vjepa2: joined and split projections give the same features, for any number of threads and grid in turn") {
  auto const specs = scale::vjepa2_weights(small);
  memory_weights own = testing::own_weights(specs), split, wrapped;
  for (scale::weight_spec const& spec : specs) {
    std::vector<float> const values = own.values(spec.name);
    wrapped.add("module.backbone." + spec.name, spec.shape, values);
    std::size_t from = 0;
    for (auto const& [name, shape] : scale::vit_file_tensors(std::span(&spec, 1), scale::vjepa2_transformers_names)) {
      auto const begin = values.begin() + static_cast<std::ptrdiff_t>(from);
      auto const n = golden::element_count(shape);
      split.add("vjepa2." + name, shape, std::vector<float>(begin, begin + static_cast<std::ptrdiff_t>(n)));
      from += n;
    }
    REQUIRE(from == values.size());
  }
  split.add_shape("pooler.query_tokens", {1, 1, 32});
  split.add_shape("vjepa2.predictor.layernorm.bias", {24});
  split.add_shape("classifier.bias", {174});
  small_backbone network(cpu, own, {}, small);
  auto const expected = features_of(cpu, network, 4, 16, 40);
  features_of(cpu, network, 2, 8, 4);
  CHECK(features_of(cpu, network, 4, 16, 40) == expected);
  for (memory_weights const* weights : {&split, &wrapped}) {
    scale::cpu::context const b(weights == &split ? 1 : 3);
    small_backbone same(b, *weights, {}, small);
    CHECK(features_of(b, same, 4, 16, 40) == expected);
  }
  wrapped.add_shape("module.backbone.pos_embed", {1, 8192, 32});  // as the original files have
  small_backbone carried(cpu, wrapped, {}, small);
  CHECK(features_of(cpu, carried, 4, 16, 40) == expected);
  wrapped.add_shape("module.backbone.other", {1, 8, 32});
  wrapped.remove("module.backbone.norm.bias");
  std::string const text = testing::thrown<scale::input_error>([&] { small_backbone(cpu, wrapped, {}, small); });
  CHECK(contains(text, "1 missing: norm.bias"));
  CHECK(contains(text, "1 unused: module.backbone.other"));
  own.add_shape("pos_embed", {1, 1568, 1024});
  CHECK(contains(testing::thrown<scale::input_error>([&] { small_backbone(cpu, own, {}, small); }),
                 "'pos_embed' has 1568 positions, as the first V-JEPA has"));
  CHECK(contains(testing::thrown<scale::argument_error>([&] { features_of(cpu, network, 3, 16, 16); }),
                 "[vjepa2_l] clips shape: expected frames a multiple of 2"));
}

TEST_CASE("vjepa2: weights from a file give what they give from memory, and the file's hash names them") {
  memory_weights const weights = testing::own_weights(scale::vjepa2_weights(small));
  auto const path =
      std::filesystem::temp_directory_path() / ("scale_vjepa2_" + std::to_string(::getpid()) + ".safetensors");
  scale::write_safetensors(path, weights.tensors());
  {
    scale::safetensors_file const file(path);
    small_backbone stored(cpu, file, {}, small), filled(cpu, weights, {}, small);
    CHECK(features_of(cpu, stored, 2, 8, 8) == features_of(cpu, filled, 2, 8, 8));
    CHECK(stored.weights_sha256() == scale::sha256_of_file(path));
  }
  std::filesystem::remove(path);
}

TEST_CASE("vjepa2: of an original file's two encoders the averaged one is taken") {
  struct two_encoders {
    std::vector<scale::weight_group> all;
    std::vector<scale::stored_tensor> flat;

    std::vector<scale::weight_group> const& groups() const { return all; }
    std::vector<scale::stored_tensor> const& tensors() const { return flat; }
    std::string path() const { return "two encoders"; }
    std::string sha256() const { return "a hash"; }
  };
  auto const specs = scale::vjepa2_weights(small);
  memory_weights const student = testing::own_weights(specs, "module.backbone.");
  memory_weights const average = testing::own_weights(specs);
  two_encoders const file{{{"encoder", student.tensors()}, {"target_encoder", average.tensors()}}, {}};
  small_backbone network(cpu, file, {}, small), alone(cpu, average, {}, small), other(cpu, student, {}, small);
  auto const features = features_of(cpu, network, 2, 8, 8);
  CHECK(features == features_of(cpu, alone, 2, 8, 8));
  CHECK(features != features_of(cpu, other, 2, 8, 8));
}

TEST_CASE("rotary positions: thirds for t, h and w, two frequencies per pair, and a rest that does not turn") {
  scale::rotary_tables const tables = scale::rotary_positions({2, 2, 3}, 14);  // thirds of 4, half 2, rest 2
  auto const row = [&](index_t t, index_t h, index_t w) {
    return static_cast<std::size_t>(((t * 2 + h) * 3 + w) * 14);
  };
  std::size_t const at = row(1, 0, 2);
  for (std::size_t const j : {0u, 2u}) CHECK(tables.sine[at + j] == doctest::Approx(std::sin(1.0)));
  for (std::size_t const j : {1u, 3u}) CHECK(tables.sine[at + j] == doctest::Approx(std::sin(0.01)));
  for (std::size_t j = 4; j < 8; ++j) CHECK(tables.sine[at + j] == 0);
  CHECK(tables.cosine[at + 8] == doctest::Approx(std::cos(2.0)));
  CHECK(tables.cosine[at + 11] == doctest::Approx(std::cos(0.02)));
  for (std::size_t j = 12; j < 14; ++j) CHECK(tables.cosine[at + j] == 1);
  CHECK(tables.sine[row(0, 1, 0) + 4] == doctest::Approx(std::sin(1.0)));
}

TEST_CASE("vjepa2: the published names of all its files are understood to the last one") {
  struct file {
    char const* name;
    scale::vit_size size;
    char const* naming;
  };
  for (file const& f : {file{"vjepa2_vitl_orig_encoder", scale::vjepa2_large, "V-JEPA 2"},
                        file{"vjepa2_vitl_hf_encoder", scale::vjepa2_large, "transformers"},
                        file{"vjepa2_vith_orig_encoder", scale::vjepa2_huge, "V-JEPA 2"},
                        file{"vjepa2_vitg_orig_encoder", scale::vjepa2_giant, "V-JEPA 2"}}) {
    CAPTURE(f.name);
    memory_weights const names = testing::published_names(f.name);
    if (names.tensors().empty()) return;
    auto const specs = scale::vjepa2_weights(f.size);
    auto const namings = scale::vjepa2_namings();
    auto const report = scale::load_weights(names, specs, namings).report;
    CHECK(report.naming == f.naming);
    CHECK(report.used.size() == specs.size());
    CHECK(report.surplus.empty());
  }
}
