// SPDX-License-Identifier: Apache-2.0
// SlowOnly ResNet-50: names of its weights, and what all residual networks on clips share: shapes, stages, refusals.
#include <scale/backbone/slow_r50.hpp>
#include <scale/cpu.hpp>
#include <scale/ref.hpp>

#include "backbone/small_video_resnets.hpp"
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

namespace {

using scale::index_t;
using scale::shape;
using testing::contains;
using testing::small_slow_network;

static_assert(scale::clip_backbone<scale::slow_r50_backbone<float, scale::cpu::context>, float, scale::cpu::context>);
static_assert(
    scale::clip_backbone<scale::slow_r50_backbone<scale::bf16, scale::ref::context>, scale::bf16, scale::ref::context>);

template <class T, class B>
using small_backbone = scale::video_resnet_backbone<small_slow_network, T, B>;

/// What loading says; "<no exception>" where it takes the weights.
std::string refusal(golden::memory_weights const& weights, std::vector<std::string> const& allow = {}) {
  return testing::thrown<scale::input_error>(
      [&] { small_backbone<float, scale::ref::context> const network(scale::ref::context(), weights, allow); });
}

/// small_weights under other names: `rename` gives a name of the file for one of the network's.
template <class Rename>
golden::memory_weights renamed(Rename const& rename, float factor = 1) {
  golden::memory_weights weights;
  auto own = testing::small_weights<small_slow_network>();
  for (auto const& tensor : own.tensors()) {
    auto values = own.values(tensor.name);
    for (float& v : values) v *= factor;
    weights.add(rename(tensor.name), tensor.shape, values);
  }
  return weights;
}

/// By hand: a name of SlowFast, of mmaction2, of Caffe2.
std::string slowfast(std::string const& own) {
  static std::map<std::string, std::string> const parts = {
      {"branch1_conv", "branch1"},        {"branch1_norm", "branch1_bn"},    {"branch2.conv_a", "branch2.a"},
      {"branch2.norm_a", "branch2.a_bn"}, {"branch2.conv_b", "branch2.b"},   {"branch2.norm_b", "branch2.b_bn"},
      {"branch2.conv_c", "branch2.c"},    {"branch2.norm_c", "branch2.c_bn"}};
  std::size_t const dot = own.rfind('.');
  std::string const leaf = own.substr(dot);
  if (own.starts_with("blocks.0.")) return "s1.pathway0_stem." + std::string(own[9] == 'c' ? "conv" : "bn") + leaf;
  return "s" + std::to_string(own[7] - '0' + 1) + ".pathway0_res" + own[20] + "." + parts.at(own.substr(22, dot - 22)) +
         leaf;
}

std::string mmaction(std::string const& own) {
  static std::map<std::string, std::string> const parts = {
      {"branch1_conv", "downsample.conv"}, {"branch1_norm", "downsample.bn"}, {"branch2.conv_a", "conv1.conv"},
      {"branch2.norm_a", "conv1.bn"},      {"branch2.conv_b", "conv2.conv"},  {"branch2.norm_b", "conv2.bn"},
      {"branch2.conv_c", "conv3.conv"},    {"branch2.norm_c", "conv3.bn"}};
  std::size_t const dot = own.rfind('.');
  std::string const leaf = own.substr(dot);
  if (own.starts_with("blocks.0.")) return "conv1." + std::string(own[9] == 'c' ? "conv" : "bn") + leaf;
  return std::string("layer") + own[7] + "." + own[20] + "." + parts.at(own.substr(22, dot - 22)) + leaf;
}

std::string caffe2(std::string const& own) {
  static std::map<std::string, std::string> const parts = {
      {"branch1_conv", "1"},    {"branch1_norm", "1_bn"},    {"branch2.conv_a", "2a"}, {"branch2.norm_a", "2a_bn"},
      {"branch2.conv_b", "2b"}, {"branch2.norm_b", "2b_bn"}, {"branch2.conv_c", "2c"}, {"branch2.norm_c", "2c_bn"}};
  std::size_t const dot = own.rfind('.');
  bool const norm = own.substr(0, dot).find("norm") != std::string::npos;
  std::map<std::string, std::string> const leaves = {
      {".weight", norm ? "_s" : "_w"}, {".bias", "_b"}, {".running_mean", "_rm"}, {".running_var", "_riv"}};
  std::string const leaf = leaves.at(own.substr(dot));
  if (own.starts_with("blocks.0.")) return (norm ? "res_conv1_bn" : "conv1") + leaf;
  return "res" + std::to_string(own[7] - '0' + 1) + "_" + own[20] + "_branch" + parts.at(own.substr(22, dot - 22)) +
         leaf;
}

std::vector<double> features_of(golden::memory_weights const& weights) {
  scale::ref::context const b;
  small_backbone<float, scale::ref::context> network(b, weights);
  return testing::small_features<float>(b, network, {{1, 3, 2, 17, 16}});
}

}  // namespace

TEST_CASE("slow_r50: names and shapes of published files, all of them") {
  auto const blocks = scale::slow_blocks();
  auto const specs = scale::video_resnet_weights(blocks);
  CHECK(specs.size() == 53 * 5);
  auto const namings = scale::slow_namings(blocks);
  REQUIRE(namings.size() == 5);
  testing::check_names(testing::published_tensors("slow_r50_pytorchvideo"), specs, namings[0]);
  auto const slowfast_tensors = testing::published_tensors("slow_r50_slowfast_nohead");
  testing::check_names(slowfast_tensors, specs, namings[1], "backbone_hist.");
  testing::check_names(slowfast_tensors, specs, namings[2]);
}

TEST_CASE("slow_r50: SlowFast's, mmaction2's and Caffe2's names give the same network") {
  auto const expected = features_of(testing::small_weights<small_slow_network>());
  CHECK(std::abs(expected[0]) > 1e-3);
  auto sf = renamed(slowfast);
  sf.add("head.projection.weight", {1}, {1});
  sf.add("s1.pathway0_stem.bn.num_batches_tracked", {}, {1});
  CHECK(features_of(sf) == expected);
  auto mm = renamed([](std::string const& n) { return "backbone." + mmaction(n); });
  mm.add("cls_head.fc_cls.weight", {1}, {1});
  CHECK(features_of(mm) == expected);
  mm.add("backbone.layer1.0.conv4.conv.weight", {1}, {1});
  CHECK(contains(refusal(mm), "1 unused: backbone.layer1.0.conv4.conv.weight"));
  auto c2 = renamed(caffe2);
  for (char const* name : {"pred_w", "pred_b", "lr", "model_iter", "conv1_w_momentum", "res2_0_branch2a_bn_s_momentum"})
    c2.add(name, {1}, {1});
  CHECK(features_of(c2) == expected);
  c2.add("res2_0_branch2d_w", {1}, {1});
  CHECK(contains(refusal(c2), "1 unused: res2_0_branch2d_w"));
}

TEST_CASE("slow_r50: of a self-supervised file the slowly moving network is taken") {
  auto const hist = [](std::string const& n) { return "backbone_hist." + slowfast(n); };
  auto const expected = features_of(renamed(hist, 1.5f));
  CHECK(expected != features_of(testing::small_weights<small_slow_network>()));
  golden::memory_weights both = renamed([](std::string const& n) { return "backbone." + slowfast(n); });
  auto moved = renamed(hist, 1.5f);
  for (auto const& tensor : moved.tensors()) both.add(tensor.name, tensor.shape, moved.values(tensor.name));
  for (char const* name : {"backbone_hist.ssl_128.weight", "backbone.ssl_128.weight", "backbone.predictor.weight",
                           "queue_x", "ptr", "iter", "knn_mem.memory", "backbone_hist.head.projection.bias"})
    both.add(name, {1}, {1});
  CHECK(features_of(both) == expected);
  both.add("backbone_hist.extra", {1}, {1});
  CHECK(contains(refusal(both), "1 unused: backbone_hist.extra"));
}

TEST_CASE("slow_r50: weights that no trained network has are refused by name") {
  auto const weights = [] { return testing::small_weights<small_slow_network>(); };
  CHECK(refusal(weights()) == "<no exception>");
  std::string const layer = "blocks.2.res_blocks.1.branch2.";
  for (std::string const& name : {layer + "conv_a.weight", layer + "norm_c.weight", layer + "norm_b.running_var"}) {
    auto blank = weights();
    std::fill(blank.values(name).begin(), blank.values(name).end(), 0.f);
    CHECK_MESSAGE(contains(refusal(blank), "1 all zero: " + name), refusal(blank));
    CHECK(refusal(blank, {name}) == "<no exception>");
  }
  for (std::string const& name : {layer + "norm_c.bias", layer + "norm_c.running_mean"}) {
    auto blank = weights();
    std::fill(blank.values(name).begin(), blank.values(name).end(), 0.f);
    CHECK(refusal(blank) == "<no exception>");
  }
  auto still = weights();
  still.values(layer + "norm_b.running_var")[2] = 0;
  CHECK_MESSAGE(contains(refusal(still), layer + "norm_b.running_var[2] is 0"), refusal(still));
  CHECK(refusal(still, {layer + "norm_b.running_var"}) == "<no exception>");
  auto negative = weights();
  negative.values(layer + "norm_b.running_var")[1] = -.5f;
  CHECK_MESSAGE(contains(refusal(negative), layer + "norm_b.running_var[1] is -0.5"), refusal(negative));
  CHECK(contains(refusal(negative, {layer + "norm_b.running_var"}), "[1] is -0.5"));
}

TEST_CASE("slow_r50: what is allowed to be missing: a norm without it does nothing") {
  std::string const norm = "blocks.1.res_blocks.0.branch2.norm_b.";
  std::vector<std::string> allow;
  golden::memory_weights without, neutral;
  auto all = testing::small_weights<small_slow_network>();
  for (auto const& tensor : all.tensors()) {
    bool const one = tensor.name == norm + "weight" || tensor.name == norm + "running_var";
    if (one || tensor.name == norm + "bias" || tensor.name == norm + "running_mean") {
      allow.push_back(tensor.name);
      neutral.add(tensor.name, tensor.shape, std::vector<float>(all.values(tensor.name).size(), one ? 1.f : 0.f));
    } else {
      without.add(tensor.name, tensor.shape, all.values(tensor.name));
      neutral.add(tensor.name, tensor.shape, all.values(tensor.name));
    }
  }
  CHECK(contains(refusal(without), "4 missing"));
  scale::ref::context const b;
  small_backbone<float, scale::ref::context> network(b, without, allow);
  CHECK(testing::small_features<float>(b, network, {{1, 3, 2, 17, 16}}) == features_of(neutral));
}

TEST_CASE_TEMPLATE("slow_r50: cpu agrees with ref, clips of any size in any order, and none", Network,
                   small_slow_network, testing::small_18_network) {
  auto const weights = testing::small_weights<Network>();
  scale::ref::context const reference;
  scale::cpu::context const cpu(2);
  scale::video_resnet_backbone<Network, double, scale::ref::context> exact(reference, weights);
  scale::video_resnet_backbone<Network, float, scale::cpu::context> network(cpu, weights);
  for (shape<5> const& s : {shape<5>{{1, 3, 4, 20, 28}},
                            {{2, 3, 1, 9, 7}},
                            {{1, 3, 5, 33, 41}},
                            {{3, 3, 2, 1, 1}},
                            {{2, 3, 4, 20, 28}},
                            {{0, 3, 4, 20, 28}}}) {
    CAPTURE(scale::to_string(s));
    auto const expected = testing::small_features<double>(reference, exact, s);
    auto const got = testing::small_features<float>(cpu, network, s);
    REQUIRE(got.size() == expected.size());
    double worst = 0, norm = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      worst = std::max(worst, std::abs(got[i] - expected[i]));
      norm += expected[i] * expected[i];
    }
    CHECK(worst <= 20 * 0x1p-24 * std::sqrt(norm));  // some 20 layers, each rounded once
    CHECK((norm > 0 || s[0] == 0));
  }
}

TEST_CASE("slow_r50: each clip by itself, stages in order, the feature is the mean of the last") {
  scale::ref::context const b;
  small_backbone<float, scale::ref::context> network(b, testing::small_weights<small_slow_network>());
  auto const clips = testing::small_clips<float>(b, {{2, 3, 3, 20, 28}});
  scale::tensor<float, 2, scale::ref::context> y(b, shape{index_t{2}, network.feature_width()}), one(b, shape{1, 16});
  REQUIRE(network.feature_width() == 16);
  std::vector<std::string> seen;
  std::vector<double> means;
  network.forward(b, clips.view(), y.view(), [&](std::string_view name, auto const& x) {
    seen.push_back(std::string(name) + " " + scale::to_string(x.extents()));
    if (name != "res3.1") return;
    auto const values = golden::row_major(x);
    double sum = 0;
    for (std::size_t i = 0; i < values.size() / 16; ++i) sum += values[7 * values.size() / 16 + i];
    means.push_back(sum / (static_cast<double>(values.size()) / 16));
  });
  std::vector<std::string> const expected = {"stem [1, 5, 3, 5, 7]", "res2.0 [1, 12, 3, 5, 7]",
                                             "res2.1 [1, 12, 3, 5, 7]", "res3.0 [1, 16, 3, 3, 4]",
                                             "res3.1 [1, 16, 3, 3, 4]"};
  REQUIRE(seen.size() == 10);
  CHECK(std::vector<std::string>(seen.begin(), seen.begin() + 5) == expected);
  CHECK(std::vector<std::string>(seen.begin() + 5, seen.end()) == expected);
  for (index_t i = 0; i < 2; ++i) {
    CHECK(std::abs(double(y.view()(i, 7)) - means[static_cast<std::size_t>(i)]) < 1e-6);
    network.forward(b, clips.view().rows(i, 1), one.view());
    for (index_t j = 0; j < 16; ++j) CHECK(one.view()(0, j) == y.view()(i, j));
  }
}

TEST_CASE("slow_r50: a few frames at a time where blocks look at single frames, whole clips behind") {
  auto const blocks = scale::slow_blocks();
  shape<5> const clip{{1, 3, 6, 224, 224}};
  index_t const stem_frame = 64 * 112 * 112, res3_frame = 512 * 28 * 28;
  auto const schedule = scale::make_video_resnet_schedule(blocks, clip, 5 * stem_frame);
  CHECK(schedule.frames_at_once == 3);
  CHECK(schedule.frame_size == res3_frame);
  REQUIRE(!schedule.by_frames.empty());
  CHECK(schedule.by_frames.back().finished == 7);
  CHECK(schedule.by_frames.back().out == shape<5>{{1, 512, 3, 28, 28}});
  CHECK(schedule.by_clip.front().in == shape<5>{{1, 512, 6, 28, 28}});
  CHECK(schedule.by_clip.front().from == schedule.joined);
  CHECK(schedule.elements_needed(schedule.joined, 6) >= 6 * res3_frame);
  CHECK(scale::make_video_resnet_schedule(blocks, clip, 1).frames_at_once == 1);
  CHECK(scale::make_video_resnet_schedule(scale::r3d_18_network::blocks(), clip, 1).by_frames.empty());

  // Too large for the caches: the same as with all frames at once, as a caller who looks at stages gets it
  scale::cpu::context const b(2);
  scale::video_resnet_backbone<small_slow_network, float, scale::cpu::context> network(
      b, testing::small_weights<small_slow_network>());
  auto const clips = testing::small_clips<float>(b, {{2, 3, 3, 700, 640}});
  REQUIRE(
      scale::make_video_resnet_schedule(small_slow_network::blocks(), {{1, 3, 3, 700, 640}}, 1 << 20).frames_at_once ==
      1);
  scale::tensor<float, 2, scale::cpu::context> y(b, shape{2, 16}), watched(b, shape{2, 16});
  network.forward(b, clips.view(), y.view());
  network.forward(b, clips.view(), watched.view(), [](std::string_view, auto const&) {});
  auto const got = golden::row_major(y.view()), expected = golden::row_major(watched.view());
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    worst = std::max(worst, std::abs(got[i] - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  CHECK(worst <= 20 * 0x1p-24 * largest);
}

TEST_CASE("slow_r50: wrong clips are refused") {
  scale::cpu::context const b;
  small_backbone<float, scale::cpu::context> network(b, testing::small_weights<small_slow_network>());
  scale::tensor<float, 2, scale::cpu::context> y(b, shape{index_t{1}, network.feature_width()});
  auto const refused = [&](shape<5> const& s) {
    scale::tensor<float, 5, scale::cpu::context> const clips(b, s);
    return testing::thrown<scale::argument_error>([&] { network.forward(b, clips.view(), y.view()); });
  };
  CHECK(contains(refused({{1, 3, 0, 20, 28}}), "at least 1 frame of 1 x 1"));
  CHECK(contains(refused({{1, 1, 2, 20, 28}}), "[1, 3, 2, 20, 28]"));
  CHECK(contains(refused({{2, 3, 2, 20, 28}}), "features shape"));
}

TEST_CASE("slow_r50: features, defaults and the hash of the weights") {
  auto const defaults = scale::slow_r50_backbone<float, scale::cpu::context>::defaults();
  CHECK(defaults.frames == 16);
  CHECK(defaults.size == 224);
  CHECK(defaults.stride == 4);
  CHECK(defaults.mean[2] == .45);
  CHECK(defaults.std[0] == .225);
  small_backbone<float, scale::ref::context> const network(scale::ref::context(),
                                                           testing::small_weights<small_slow_network>());
  CHECK(network.weights_sha256() == "a hash");
}
