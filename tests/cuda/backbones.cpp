// SPDX-License-Identifier: Apache-2.0
// The backbones on the CUDA backend: stages of golden files through the first blocks of each network, which have all
// that their others have, and whole small networks against ref.
#include <scale/backbone/mobilenet_v2.hpp>
#include <scale/backbone/slow_r50.hpp>
#include <scale/backbone/timesformer.hpp>
#include <scale/backbone/video_resnet_18.hpp>
#include <scale/backbone/videomae.hpp>
#include <scale/backbone/vjepa2.hpp>
#include <scale/cuda.hpp>
#include <scale/ref.hpp>

#include "backbone/mobilenet_v2_weights.hpp"
#include "backbone/small_video_resnets.hpp"
#include "backbone/video_resnet_golden.hpp"
#include "backbone/vit_golden.hpp"
#include "support/compare.hpp"
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace {

using cuda_context = scale::cuda::context;
using scale::bf16;
using scale::index_t;

/// The stem and some blocks of a residual network.
template <class Network, std::size_t Blocks>
struct first_blocks : Network {
  static std::vector<scale::video_resnet_block> blocks() {
    auto all = Network::blocks();
    all.resize(Blocks);
    return all;
  }
};

template <class T, class Network, class B>
std::vector<double> features(B const& b, Network& network, scale::shape<5> const& s) {
  auto const values = golden::fill("clip", std::vector<index_t>{s[0], s[1], s[2], s[3], s[4]}, 0, 1, 1);
  scale::tensor<T, 5, B> clips(b, s);
  scale::upload(b, std::vector<T>(values.begin(), values.end()), clips);
  scale::tensor<T, 2, B> y(b, scale::shape{s[0], network.feature_width()});
  network.forward(b, clips.view(), y.view());
  return golden::row_major(b, y.view());
}

/// Against ref in double; a network of some `layers` layers, each rounded once.
template <class T, class Make>
void check_small(Make const& make, std::vector<scale::shape<5>> const& clips, int layers) {
  scale::ref::context const reference;
  cuda_context const b;
  auto exact = make(double{}, reference);
  auto network = make(T{}, b);
  for (scale::shape<5> const& s : clips) {
    CAPTURE(scale::to_string(s));
    auto const expected = features<double>(reference, exact, s), got = features<T>(b, network, s);
    double const roundoff = std::same_as<T, float> ? 0x1p-24 : 0x1p-8;
    double norm = 0;
    for (double const value : expected) norm += value * value;
    double worst = 0;
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i)
      if (double const error = std::abs(got[i] - expected[i]); error > worst || std::isnan(error)) worst = error;
    CHECK(worst <= layers * roundoff * std::sqrt(norm));
    CHECK(norm > 0);
  }
}

template <class T>
void check_videomae(char const* file, char const* type) {
  scale::vit_size size = scale::videomae_base;
  size.depth = 1;
  auto const weights =
      testing::own_weights(scale::videomae_weights(size, scale::videomae_pooling::norm_then_mean), "encoder.");
  cuda_context const b;
  scale::videomae_b_backbone<T, cuda_context> network(b, weights, {}, size);
  testing::check_vit_golden<T>(b, network, file, type, 1);
}

template <class T, class Kind>
void check_divided(testing::memory_weights const& weights, scale::timesformer_size const& size, char const* file,
                   char const* type) {
  cuda_context const b;
  scale::divided_attention_backbone<T, cuda_context, Kind> network(b, weights, {}, size);
  testing::check_vit_golden<T>(b, network, file, type, 1);
}

template <class T>
void check_vjepa2(char const* file, char const* type) {
  scale::vit_size size = scale::vjepa2_large;
  size.depth = 1;
  cuda_context const b;
  auto const weights = testing::table_weights(scale::vjepa2_weights(size), scale::vjepa2_transformers_names);
  scale::vjepa2_l_backbone<T, cuda_context> network(b, weights, {}, size);
  testing::check_vit_golden<T>(b, network, file, type, 1);
}

}  // namespace

TEST_CASE("slow_r50 on cuda: golden stages") {
  cuda_context const b;
  testing::check_video_resnet_golden<first_blocks<scale::slow_r50_network, 5>, float>(b, {"8x64x64"}, "fp32");
  testing::check_video_resnet_golden<first_blocks<scale::slow_r50_network, 5>, bf16>(b, {"8x64x64"}, "bf16");
}

TEST_CASE("residual networks of 18 layers on cuda: golden stages") {
  cuda_context const b;
  testing::check_video_resnet_golden<first_blocks<scale::r3d_18_network, 2>, float>(b, {"9x57x75"}, "fp32");
  testing::check_video_resnet_golden<first_blocks<scale::r2plus1d_18_network, 2>, float>(b, {"9x57x75"}, "fp32");
}

TEST_CASE("videomae on cuda: golden stages") {
  check_videomae<float>("videomae_b_pretrained_16x64x64", "fp32");
  check_videomae<bf16>("videomae_b_pretrained_16x64x64", "bf16");
}

TEST_CASE("svt and timesformer on cuda: golden stages") {
  scale::timesformer_size size;
  size.transformer.depth = 1;
  auto const specs = scale::timesformer_weights(size.transformer, size.table);
  check_divided<float, scale::svt>(testing::own_weights(specs), size, "svt_16x64x64", "fp32");
  check_divided<float, scale::timesformer>(testing::table_weights(specs, scale::timesformer_transformers_names), size,
                                           "timesformer_12x96x128", "fp32");
}

TEST_CASE("vjepa2 on cuda: golden stages") { check_vjepa2<float>("vjepa2_l_8x64x64", "fp32"); }

TEST_CASE_TEMPLATE("small residual networks on cuda agree with ref", Network, testing::small_slow_network,
                   testing::small_18_network) {
  auto const weights = testing::small_weights<Network>();
  auto const make = [&]<class T, class B>(T, B const& b) {
    return scale::video_resnet_backbone<Network, T, B>(b, weights);
  };
  check_small<float>(make, {{2, 3, 4, 20, 28}, {1, 3, 5, 33, 41}, {2, 3, 1, 9, 7}}, 20);
  check_small<bf16>(make, {{1, 3, 4, 20, 28}}, 20);
}

TEST_CASE("a small mobilenet_v2 on cuda agrees with ref") {
  testing::weights_file const stored(testing::filled_weights(testing::small_architecture(), 0));
  scale::safetensors_file const file(stored.path());
  auto const make = [&]<class T, class B>(T, B const& b) {
    return scale::mobilenet_v2_backbone<T, B>(b, file,
                                              {.pooling = scale::frame_pooling::mean_and_motion,
                                               .frames_at_once = 2,
                                               .architecture = testing::small_architecture()});
  };
  check_small<float>(make, {{2, 3, 5, 35, 48}, {1, 3, 1, 32, 32}}, 20);
  check_small<bf16>(make, {{1, 3, 3, 35, 48}}, 20);
}

TEST_CASE("small transformers on cuda agree with ref") {
  constexpr scale::vit_size tubes{.width = 24, .depth = 2, .heads = 2, .hidden = 40, .tubelet = 2, .patch = 4};
  constexpr scale::vit_size turning{.width = 32, .depth = 2, .heads = 2, .hidden = 40, .tubelet = 2, .patch = 4};
  constexpr scale::timesformer_size divided{
      {.width = 24, .depth = 2, .heads = 2, .hidden = 40, .tubelet = 1, .patch = 4}, {3, 2, 2}};
  auto const videomae = testing::own_weights(scale::videomae_weights(tubes, scale::videomae_pooling::mean_then_norm));
  check_small<float>(
      [&]<class T, class B>(T, B const& b) {
        return scale::videomae_backbone<T, B, scale::videomae_b>(b, videomae, {}, tubes);
      },
      {{2, 3, 4, 8, 12}, {1, 3, 2, 16, 8}}, 20);
  auto const vjepa2 = testing::own_weights(scale::vjepa2_weights(turning));
  check_small<float>(
      [&]<class T, class B>(T, B const& b) { return scale::vjepa2_l_backbone<T, B>(b, vjepa2, {}, turning); },
      {{1, 3, 4, 16, 40}, {2, 3, 2, 8, 4}}, 20);
  auto const svt = testing::own_weights(scale::timesformer_weights(divided.transformer, divided.table));
  check_small<float>([&]<class T, class B>(T, B const& b) { return scale::svt_backbone<T, B>(b, svt, {}, divided); },
                     {{2, 3, 6, 8, 12}, {1, 3, 3, 8, 8}}, 20);
}
