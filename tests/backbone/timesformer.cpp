// SPDX-License-Identifier: Apache-2.0
// TimeSformer and SVT against the golden files; names of all files that hold them; resizing of positions.
#include <scale/backbone/timesformer.hpp>
#include <scale/cpu.hpp>
#include <scale/ref.hpp>

#include "backbone/vit_golden.hpp"
#include "support/compare.hpp"
#include "support/thrown.hpp"

namespace {

using scale::index_t;
using testing::contains;
using testing::memory_weights;

static_assert(scale::clip_backbone<scale::svt_backbone<float, scale::cpu::context>, float, scale::cpu::context>);

scale::cpu::context const cpu(2);
scale::ref::context const ref;

/// As the golden files name and fill them: SVT's own names, TimeSformer's of `transformers`.
template <class Kind>
memory_weights golden_weights(scale::timesformer_size const& size) {
  auto const specs = scale::timesformer_weights(size.transformer, size.table);
  if (std::string_view(Kind::name) == "svt") return testing::own_weights(specs);
  return testing::table_weights(specs, scale::timesformer_transformers_names);
}

template <class T, class Kind, class B>
void check_files(B const& b, std::vector<std::string> const& names, char const* type, index_t blocks = -1) {
  scale::timesformer_size size;
  if (blocks >= 0) size.transformer.depth = blocks;
  scale::divided_attention_backbone<T, B, Kind> network(b, golden_weights<Kind>(size), {}, size);
  for (std::string const& name : names) testing::check_vit_golden<T>(b, network, name, type, blocks);
}

}  // namespace

TEST_CASE("svt and timesformer: small golden clips on cpu in float") {
  check_files<float, scale::svt>(cpu, {"svt_16x64x64", "svt_12x96x128"}, "fp32");
  check_files<float, scale::timesformer>(cpu, {"timesformer_12x96x128"}, "fp32");
}

TEST_CASE("svt and timesformer: small golden clips on cpu in bf16") {
  check_files<scale::bf16, scale::svt>(cpu, {"svt_12x96x128"}, "bf16");
  check_files<scale::bf16, scale::timesformer>(cpu, {"timesformer_12x96x128"}, "bf16");
}

TEST_CASE("svt and timesformer: the first block on ref in double, which alone sees a wrong epsilon") {
  check_files<double, scale::svt>(ref, {"svt_16x64x64"}, "fp64", 1);
  check_files<double, scale::timesformer>(ref, {"timesformer_12x96x128"}, "fp64", 1);
}

TEST_CASE("svt and timesformer: large golden clips on cpu in float" * doctest::skip(!testing::long_cases())) {
  check_files<float, scale::svt>(cpu, {"svt_16x224x224", "svt_8x224x224"}, "fp32");
  check_files<float, scale::timesformer>(cpu, {"timesformer_8x224x224"}, "fp32");
}

TEST_CASE("svt and timesformer: small golden clips on ref in double" * doctest::skip(!testing::long_cases())) {
  check_files<double, scale::svt>(ref, {"svt_16x64x64", "svt_12x96x128"}, "fp64");
  check_files<double, scale::timesformer>(ref, {"timesformer_12x96x128"}, "fp64");
}

namespace {

constexpr scale::timesformer_size small{{.width = 24, .depth = 2, .heads = 2, .hidden = 40, .tubelet = 1, .patch = 4},
                                        {3, 2, 2}};
using small_svt = scale::svt_backbone<float, scale::cpu::context>;

template <class Network>
std::vector<float> features_of(scale::cpu::context const& b, Network& network, index_t clips, index_t t, index_t h,
                               index_t w) {
  scale::shape<5> const s{{clips, 3, t, h, w}};
  auto const values = golden::fill("clip", std::vector<index_t>{clips, 3, t, h, w}, 0, 1, 1);
  scale::tensor<float, 5, scale::cpu::context> x(b, s);
  scale::upload(b, std::vector<float>(values.begin(), values.end()), x);
  scale::tensor<float, 2, scale::cpu::context> y(b, scale::shape{clips, network.feature_width()});
  network.forward(b, x.view(), y.view());
  std::vector<float> result(static_cast<std::size_t>(y.size()));
  scale::download(b, y, result);
  return result;
}

std::string refusal(memory_weights const& weights) {
  return testing::thrown<scale::input_error>([&] { small_svt(cpu, weights, {}, small); });
}

}  // namespace

TEST_CASE("svt: all namings give the same features, for any number of threads and clips in turn") {
  auto const specs = scale::timesformer_weights(small.transformer, small.table);
  memory_weights const own = testing::own_weights(specs);
  small_svt network(cpu, own, {}, small);
  auto const expected = features_of(cpu, network, 2, 6, 8, 12);
  CHECK(network.weights_sha256() == own.sha256());
  features_of(cpu, network, 1, 3, 8, 8);
  CHECK(features_of(cpu, network, 2, 6, 8, 12) == expected);
  for (int const threads : {1, 5}) {
    scale::cpu::context const b(threads);
    small_svt same(b, own, {}, small);
    CHECK(features_of(b, same, 2, 6, 8, 12) == expected);
  }

  memory_weights prefixed, renamed;
  for (scale::weight_spec const& spec : specs) {
    prefixed.add_filled("backbone." + spec.name, spec.shape, spec.name, 1);
    auto const file = scale::vit_file_tensors(std::span(&spec, 1), scale::timesformer_transformers_names);
    REQUIRE(file.size() == 1);
    renamed.add_filled(file.front().name, spec.shape, spec.name, 1);
  }
  prefixed.add_shape("head.last_layer.weight_g", {65536, 1});
  renamed.add_shape("classifier.bias", {400});
  for (memory_weights const* weights : {&prefixed, &renamed}) {
    small_svt same(cpu, *weights, {}, small);
    CHECK(features_of(cpu, same, 2, 6, 8, 12) == expected);
  }
}

TEST_CASE("timesformer and svt differ in epsilon, and in positions where the grid is another") {
  auto const weights = testing::own_weights(scale::timesformer_weights(small.transformer, small.table));
  scale::timesformer_backbone<float, scale::cpu::context> timesformer(cpu, weights, {}, small);
  small_svt svt(cpu, weights, {}, small);
  auto const distance = [&](index_t t, index_t h, index_t w) {
    auto const a = features_of(cpu, timesformer, 1, t, h, w), b = features_of(cpu, svt, 1, t, h, w);
    float worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
    return worst;
  };
  CHECK(distance(3, 8, 8) < 1e-3f);  // the grid of the table: epsilon alone
  CHECK(distance(6, 8, 8) > 1e-2f);
}

TEST_CASE("divided positions: order (h w t), nearest and trilinear") {
  scale::patch_grid const table{2, 1, 2};
  std::vector<double> const places = {10, 20}, frames = {1, 2};
  auto const of = [&](scale::patch_grid const& grid, scale::position_resize how) {
    return scale::divided_positions(places, frames, table, grid, 1, how);
  };
  using enum scale::position_resize;
  std::vector<double> const same = {11, 12, 21, 22};
  CHECK(of(table, nearest) == same);
  CHECK(of(table, trilinear) == same);
  CHECK(of({3, 1, 2}, nearest) == std::vector<double>{11, 11, 12, 21, 21, 22});
  CHECK(of({1, 2, 3}, nearest) == std::vector<double>{11, 11, 21, 11, 11, 21});
  testing::check_close("time doubled", of({4, 1, 1}, trilinear), std::vector<double>{16, 16.25, 16.75, 17}, 1e-15);
  testing::check_close("places", of({1, 1, 4}, trilinear), std::vector<double>{11.5, 14, 19, 21.5}, 1e-15);
}

TEST_CASE("svt: what cannot be is refused by name") {
  auto const specs = scale::timesformer_weights(small.transformer, small.table);
  memory_weights weights = testing::own_weights(specs);
  weights.remove("time_embed");
  weights.add_shape("time_embed", {1, 16, 24});
  CHECK(contains(refusal(weights), "time_embed expected [1, 3, 24] found [1, 16, 24]"));
  weights.remove("blocks.1.temporal_fc.bias");
  weights.add_shape("head.mlp.1.weight", {4, 4});
  CHECK(contains(refusal(weights), "1 missing: blocks.1.temporal_fc.bias"));
  CHECK(contains(refusal(weights), "1 unused: head.mlp.1.weight"));

  small_svt network(cpu, testing::own_weights(specs), {}, small);
  CHECK(contains(testing::thrown<scale::argument_error>([&] { features_of(cpu, network, 1, 3, 8, 9); }),
                 "[svt] clips shape: expected frames a multiple of 1, height and width multiples of 4"));
  CHECK(contains(testing::thrown<scale::argument_error>([&] {
                   scale::timesformer_size two = small;
                   two.transformer.tubelet = 2;
                   small_svt(cpu, testing::own_weights(specs), {}, two);
                 }),
                 "tubelet = 1"));
}

TEST_CASE("svt and timesformer: the published names of all their files are understood to the last one") {
  struct file {
    char const* name;
    char const* naming;
    std::size_t surplus;
  };
  scale::timesformer_size const size;
  auto const specs = scale::timesformer_weights(size.transformer, size.table);
  for (file const& f :
       {file{"timesformer_b_orig_k400", "TimeSformer", 2}, file{"timesformer_b_hf_k400", "transformers", 2},
        file{"svt_backbone_only", "TimeSformer", 0}, file{"svt_with_dino_head", "TimeSformer", 8}}) {
    CAPTURE(f.name);
    memory_weights const names = testing::published_names(f.name);
    if (names.tensors().empty()) return;
    auto const namings = scale::timesformer_namings();
    auto const report = scale::load_weights(names, specs, namings).report;
    CHECK(report.naming == f.naming);
    CHECK(report.used.size() == specs.size());
    CHECK(report.surplus.size() == f.surplus);
  }
}
