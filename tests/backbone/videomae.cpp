// SPDX-License-Identifier: Apache-2.0
// VideoMAE against the golden files; names of all files that hold it; what is refused.
#include <scale/backbone/videomae.hpp>
#include <scale/cpu.hpp>
#include <scale/ref.hpp>

#include "backbone/vit_golden.hpp"
#include "support/thrown.hpp"

namespace {

using scale::index_t;
using scale::videomae_pooling;
using testing::contains;
using testing::memory_weights;
constexpr auto pretrained = videomae_pooling::norm_then_mean, finetuned = videomae_pooling::mean_then_norm;

static_assert(scale::clip_backbone<scale::videomae_b_backbone<float, scale::cpu::context>, float, scale::cpu::context>);

memory_weights golden_weights(scale::vit_size const& size, videomae_pooling pooling) {
  return testing::own_weights(scale::videomae_weights(size, pooling), pooling == pretrained ? "encoder." : "");
}

template <class T, class Kind, class B>
void check_files(B const& b, std::vector<std::string> const& names, char const* type) {
  scale::videomae_backbone<T, B, Kind> network(b, golden_weights(Kind::size, *Kind::pooling));
  for (std::string const& name : names) testing::check_vit_golden<T>(b, network, name, type);
}

scale::cpu::context const cpu(2);
scale::ref::context const ref;

}  // namespace

TEST_CASE("videomae: small golden clips on cpu in float") {
  check_files<float, scale::videomae_b_pretrained>(
      cpu, {"videomae_b_pretrained_16x64x64", "videomae_b_pretrained_8x96x128"}, "fp32");
  check_files<float, scale::videomae_b_finetuned>(
      cpu, {"videomae_b_finetuned_16x64x64", "videomae_b_finetuned_16x96x64"}, "fp32");
}

TEST_CASE("videomae: the first blocks on ref in double, which alone sees a wrong epsilon") {
  scale::vit_size size = scale::videomae_base;
  size.depth = 2;
  scale::videomae_backbone<double, scale::ref::context, scale::videomae_b> network(
      ref, golden_weights(size, pretrained), {}, size);
  testing::check_vit_golden<double>(ref, network, "videomae_b_pretrained_16x64x64", "fp64", 2);
  testing::check_vit_golden<double>(ref, network, "videomae_b_pretrained_8x96x128", "fp64", 2);
}

TEST_CASE("videomae: small golden clips on cpu in bf16") {
  check_files<scale::bf16, scale::videomae_b_pretrained>(cpu, {"videomae_b_pretrained_8x96x128"}, "bf16");
  check_files<scale::bf16, scale::videomae_b_finetuned>(cpu, {"videomae_b_finetuned_16x96x64"}, "bf16");
}

TEST_CASE("videomae: the first block on ref in bf16") {
  scale::vit_size size = scale::videomae_base;
  size.depth = 1;
  scale::videomae_b_backbone<scale::bf16, scale::ref::context> network(ref, golden_weights(size, pretrained), {}, size);
  testing::check_vit_golden<scale::bf16>(ref, network, "videomae_b_pretrained_16x64x64", "bf16", 1);
}

TEST_CASE("videomae: large golden clips and networks on cpu in float" * doctest::skip(!testing::long_cases())) {
  check_files<float, scale::videomae_b_pretrained>(cpu, {"videomae_b_pretrained_16x224x224"}, "fp32");
  check_files<float, scale::videomae_b_finetuned>(cpu, {"videomae_b_finetuned_16x256x256"}, "fp32");
  check_files<float, scale::videomae_l_pretrained>(
      cpu, {"videomae_l_pretrained_16x64x64", "videomae_l_pretrained_16x96x64", "videomae_l_pretrained_16x224x224"},
      "fp32");
}

TEST_CASE("videomae: small golden clips on ref in double" * doctest::skip(!testing::long_cases())) {
  check_files<double, scale::videomae_b_pretrained>(
      ref, {"videomae_b_pretrained_16x64x64", "videomae_b_pretrained_8x96x128"}, "fp64");
  check_files<double, scale::videomae_b_finetuned>(
      ref, {"videomae_b_finetuned_16x64x64", "videomae_b_finetuned_16x96x64"}, "fp64");
  check_files<double, scale::videomae_l_pretrained>(
      ref, {"videomae_l_pretrained_16x64x64", "videomae_l_pretrained_16x96x64"}, "fp64");
}

namespace {

constexpr scale::vit_size small{.width = 24, .depth = 2, .heads = 2, .hidden = 40, .tubelet = 2, .patch = 4};
using small_backbone = scale::videomae_backbone<float, scale::cpu::context, scale::videomae_b>;

template <class Network>
std::vector<float> features_of(Network& network, index_t clips, index_t t, index_t h, index_t w) {
  scale::shape<5> const s{{clips, 3, t, h, w}};
  auto const values = golden::fill("clip", std::vector<index_t>{clips, 3, t, h, w}, 0, 1, 1);
  scale::tensor<float, 5, scale::cpu::context> x(cpu, s);
  scale::upload(cpu, std::vector<float>(values.begin(), values.end()), x);
  scale::tensor<float, 2, scale::cpu::context> y(cpu, scale::shape{clips, network.feature_width()});
  network.forward(cpu, x.view(), y.view());
  std::vector<float> result(static_cast<std::size_t>(y.size()));
  scale::download(cpu, y, result);
  return result;
}

/// The tensors of `own` under the names of `transformers`: the same numbers, split where those files split.
memory_weights renamed(memory_weights& own, std::vector<scale::weight_spec> const& specs, bool version5) {
  memory_weights result;
  for (scale::weight_spec const& spec : specs) {
    std::vector<float> const values = own.values(spec.name);
    std::size_t from = 0;
    for (auto& [name, shape] : scale::vit_file_tensors(std::span(&spec, 1), scale::videomae_transformers_names)) {
      std::size_t const n = golden::element_count(shape);
      auto const begin = values.begin() + static_cast<std::ptrdiff_t>(from);
      std::string file = name;
      for (char const letter : {'q', 'v'})
        if (std::string const old = std::string(1, letter) + "_bias"; version5 && file.ends_with(old))
          file.replace(file.size() - old.size(), old.size(), letter == 'q' ? "query.bias" : "value.bias");
      result.add(file, shape, std::vector<float>(begin, begin + static_cast<std::ptrdiff_t>(n)));
      from += n;
    }
    REQUIRE(from == values.size());
  }
  return result;
}

template <class Weights>
std::string refusal(Weights const& weights) {
  return testing::thrown<scale::input_error>([&] { small_backbone(cpu, weights, {}, small); });
}

}  // namespace

TEST_CASE("videomae: the file tells pre-trained from fine-tuned, and all namings give the same features") {
  for (videomae_pooling const pooling : {pretrained, finetuned}) {
    auto const specs = scale::videomae_weights(small, pooling);
    memory_weights own = testing::own_weights(specs);
    small_backbone network(cpu, own, {}, small);
    CHECK(network.pooling_of_tokens() == pooling);
    CHECK(network.weights_sha256() == own.sha256());
    auto const expected = features_of(network, 2, 4, 8, 12);
    for (bool const version5 : {false, true}) {
      memory_weights other = renamed(own, specs, version5);
      other.add_shape("mask_token", {1, 1, 12});
      other.add_shape("decoder.decoder_layers.3.output.dense.bias", {12});
      other.add_shape("classifier.weight", {400, 24});
      small_backbone same(cpu, other, {}, small);
      CHECK(same.pooling_of_tokens() == pooling);
      CHECK(features_of(same, 2, 4, 8, 12) == expected);
    }
  }
}

TEST_CASE("videomae: clips are independent, and one object takes clips of any grid in turn") {
  memory_weights const weights = testing::own_weights(scale::videomae_weights(small, pretrained));
  small_backbone network(cpu, weights, {}, small), fresh(cpu, weights, {}, small);
  auto const small_clips = features_of(network, 2, 4, 8, 12);
  auto const large_clips = features_of(network, 1, 8, 16, 8);
  CHECK(features_of(fresh, 1, 8, 16, 8) == large_clips);
  CHECK(features_of(network, 2, 4, 8, 12) == small_clips);
  CHECK(features_of(network, 0, 4, 8, 12).empty());
  std::vector<float> const first(small_clips.begin(), small_clips.begin() + small.width);
  CHECK(std::vector<float>(small_clips.begin() + small.width, small_clips.end()) != first);
}

TEST_CASE("videomae: features do not depend on the number of threads") {
  memory_weights const weights = testing::own_weights(scale::videomae_weights(small, finetuned));
  auto const values = golden::fill("clip", std::vector<index_t>{1, 3, 8, 40, 48}, 0, 1, 1);
  std::vector<float> expected;
  for (int const threads : {1, 2, 3, 7}) {
    scale::cpu::context const b(threads);
    small_backbone network(b, weights, {}, small);
    scale::tensor<float, 5, scale::cpu::context> x(b, scale::shape<5>{{1, 3, 8, 40, 48}});
    scale::upload(b, std::vector<float>(values.begin(), values.end()), x);
    scale::tensor<float, 2, scale::cpu::context> y(b, scale::shape{index_t{1}, small.width});
    network.forward(b, x.view(), y.view());
    std::vector<float> got(static_cast<std::size_t>(small.width));
    scale::download(b, y, got);
    if (expected.empty()) expected = got;
    CHECK(got == expected);
  }
}

TEST_CASE("videomae: clips that cannot be cut into patches are refused with the caller's line") {
  small_backbone network(cpu, testing::own_weights(scale::videomae_weights(small, finetuned)), {}, small);
  auto const text = [&](index_t t, index_t h, index_t w) {
    return testing::thrown<scale::argument_error>([&] {
      scale::tensor<float, 5, scale::cpu::context> x(cpu, scale::shape<5>{{1, 3, t, h, w}});
      scale::tensor<float, 2, scale::cpu::context> y(cpu, scale::shape{index_t{1}, small.width});
      network.forward(cpu, x.view(), y.view());
    });
  };
  std::string const frames = text(5, 8, 8);
  CHECK(contains(frames, "[videomae_b] clips shape: expected frames a multiple of 2"));
  CHECK(contains(frames, "got [1, 3, 5, 8, 8]"));
  CHECK(contains(frames, "videomae.cpp"));
  CHECK(contains(text(4, 8, 10), "multiples of 4, got [1, 3, 4, 8, 10]"));
  CHECK(contains(text(4, 6, 8), "got [1, 3, 4, 6, 8]"));
  CHECK(contains(text(0, 8, 8), "got [1, 3, 0, 8, 8]"));
  CHECK(contains(testing::thrown<scale::argument_error>([] {
                   scale::vit_size odd = small;
                   odd.heads = 5;
                   small_backbone(cpu, testing::own_weights(scale::videomae_weights(small, finetuned)), {}, odd);
                 }),
                 "heads that divide the width"));
}

TEST_CASE("videomae: files that are not whole, or another network's, are refused by name") {
  auto const specs = scale::videomae_weights(small, pretrained);
  memory_weights const whole = testing::own_weights(specs, "encoder.");
  {
    memory_weights weights = testing::own_weights(specs, "encoder.");
    for (float& v : weights.values("encoder.blocks.1.attn.v_bias")) v = 0;
    CHECK(contains(refusal(weights), "1 all zero: blocks.1.attn.v_bias"));
    weights.remove("encoder.blocks.0.attn.q_bias");
    weights.add_shape("encoder.blocks.0.attn.k_bias", {24});
    weights.add_shape("decoder.blocks.0.attn.k_bias", {24});
    weights.add_shape("decoder.blocks.00.norm1.bias", {24});
    weights.add_shape("decoder.blocks.0.norm1.bias", {24});  // rightly unused
    std::string const text = refusal(weights);
    CHECK(contains(text, "1 missing: blocks.0.attn.q_bias"));
    CHECK(contains(text,
                   "3 unused: encoder.blocks.0.attn.k_bias decoder.blocks.0.attn.k_bias "
                   "decoder.blocks.00.norm1.bias"));
    std::vector<std::string> const allow = {"blocks.0.attn.q_bias", "blocks.1.attn.v_bias",
                                            "encoder.blocks.0.attn.k_bias", "decoder.blocks.0.attn.k_bias",
                                            "decoder.blocks.00.norm1.bias"};
    small_backbone const allowed(cpu, weights, allow, small);
  }
  {
    memory_weights weights = testing::own_weights(specs, "encoder.");
    weights.add_shape("encoder.blocks.2.norm1.weight", {24});  // a deeper network
    CHECK(contains(refusal(weights), "1 unused: encoder.blocks.2.norm1.weight"));
  }
  {
    memory_weights both = testing::own_weights(specs);
    both.add_shape("fc_norm.weight", {24});
    CHECK(contains(refusal(both), "found both"));
    memory_weights neither;
    neither.add_shape("decoder.norm.weight", {24});
    CHECK(contains(refusal(neither), "found neither"));
  }
  std::string const insisted = testing::thrown<scale::input_error>([&] {
    scale::videomae_backbone<float, scale::cpu::context, scale::videomae_b_finetuned>(cpu, whole, {}, small);
  });
  CHECK(contains(insisted, "2 missing: fc_norm.weight fc_norm.bias"));
}

TEST_CASE("videomae: of a whole pre-training file the decoder is left, in both namings") {
  scale::vit_size decoder = small;
  decoder.depth = 3, decoder.width = 12, decoder.heads = 1;
  auto const behind = scale::videomae_weights(decoder, pretrained);
  memory_weights original = testing::own_weights(scale::videomae_weights(small, pretrained), "encoder.");
  memory_weights other =
      testing::table_weights(scale::videomae_weights(small, pretrained), scale::videomae_transformers_names);
  std::size_t added = 0;
  for (auto const& spec : behind)
    if (!spec.name.starts_with("patch_embed.")) original.add_shape("decoder." + spec.name, spec.shape), ++added;
  std::string const layer = "videomae.encoder.layer.";
  std::size_t added_there = 2;
  for (auto const& [name, shape] : scale::vit_file_tensors(behind, scale::videomae_transformers_names))
    if (name.starts_with(layer))
      other.add_shape("decoder.decoder_layers." + name.substr(layer.size()), shape), ++added_there;
  for (char const* name : {"decoder.norm.weight", "decoder.norm.bias"}) other.add_shape(name, {12});
  for (memory_weights* file : {&original, &other})
    for (char const* name : {"decoder.head.weight", "decoder.head.bias", "mask_token", "encoder_to_decoder.weight"})
      file->add_shape(name, {12});
  auto const specs = scale::videomae_weights(small, pretrained);
  auto const namings = scale::videomae_namings();
  CHECK(scale::load_weights(original, specs, namings).report.surplus.size() == added + 4);
  CHECK(scale::load_weights(other, specs, namings).report.surplus.size() == added_there + 4);
  CHECK(added == 2 + 3 * 13);
}

TEST_CASE("videomae: the published names of all its files are understood to the last one") {
  struct file {
    char const* name;
    scale::vit_size size;
    videomae_pooling pooling;
    char const* naming;
    std::size_t surplus;
  };
  using scale::videomae_base, scale::videomae_large;
  for (file const& f : {file{"videomae_b_orig_ft_k400", videomae_base, finetuned, "VideoMAE", 2},
                        file{"videomae_b_orig_pt", videomae_base, pretrained, "VideoMAE", 58},
                        file{"videomae_l_orig_ft_k400", videomae_large, finetuned, "VideoMAE", 2},
                        file{"videomae_l_orig_pt", videomae_large, pretrained, "VideoMAE", 162},
                        file{"videomae_b_hf_ft", videomae_base, finetuned, "transformers", 2},
                        file{"videomae_b_hf_pt", videomae_base, pretrained, "transformers", 66},
                        file{"videomae_l_hf_pt", videomae_large, pretrained, "transformers", 186}}) {
    CAPTURE(f.name);
    memory_weights const names = testing::published_names(f.name);
    if (names.tensors().empty()) return;
    CHECK(scale::videomae_pooling_of(names) == f.pooling);
    auto const specs = scale::videomae_weights(f.size, f.pooling);
    auto const namings = scale::videomae_namings();
    auto const report = scale::load_weights(names, specs, namings).report;
    CHECK(report.naming == f.naming);
    CHECK(report.used.size() == specs.size());
    CHECK(report.surplus.size() == f.surplus);
  }
}
