// SPDX-License-Identifier: Apache-2.0
// MobileNetV2's structure with small filled weights: against layers written out here, cpu against ref, batches, errors.
#include <scale/backbone/mobilenet_v2.hpp>
#include <scale/cpu.hpp>
#include <scale/io/safetensors.hpp>
#include <scale/ref.hpp>

#include "backbone/mobilenet_v2_weights.hpp"
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

namespace {

using scale::frame_pooling;
using scale::index_t;

static_assert(
    scale::clip_backbone<scale::mobilenet_v2_backbone<float, scale::cpu::context>, float, scale::cpu::context>);

/// Activations [c, h, w] of one frame.
struct image {
  index_t c, h, w;
  std::vector<double> values = std::vector<double>(static_cast<std::size_t>(c * h * w));

  double& at(index_t channel, index_t y, index_t x) {
    return values[static_cast<std::size_t>((channel * h + y) * w + x)];
  }
};

/// A convolution that pads the TensorFlow way, by that framework's own formula.
image convolve(image& in, testing::named_tensor const& weight, testing::named_tensor const& bias, index_t stride,
               bool clip) {
  index_t const o = weight.shape[0], per_group = weight.shape[1], k = weight.shape[2];
  auto const pad_before = [&](index_t size) {
    index_t const total =
        size % stride == 0 ? std::max(k - stride, index_t{0}) : std::max(k - size % stride, index_t{0});
    return total / 2;
  };
  image out{o, (in.h + stride - 1) / stride, (in.w + stride - 1) / stride};
  index_t const top = pad_before(in.h), left = pad_before(in.w), out_per_group = o / (in.c / per_group);
  for (index_t c = 0; c < o; ++c)
    for (index_t y = 0; y < out.h; ++y)
      for (index_t x = 0; x < out.w; ++x) {
        double sum = bias.values[static_cast<std::size_t>(c)];
        for (index_t i = 0; i < per_group; ++i)
          for (index_t dy = 0; dy < k; ++dy)
            for (index_t dx = 0; dx < k; ++dx) {
              index_t const sy = y * stride + dy - top, sx = x * stride + dx - left;
              if (sy < 0 || sx < 0 || sy >= in.h || sx >= in.w) continue;
              sum += weight.values[static_cast<std::size_t>(((c * per_group + i) * k + dy) * k + dx)] *
                     in.at(c / out_per_group * per_group + i, sy, sx);
            }
        out.at(c, y, x) = clip ? std::clamp(sum, 0.0, 6.0) : sum;
      }
  return out;
}

/// Feature of a frame through small_architecture(), its layers written out.
std::vector<double> expected_feature(image frame, std::vector<testing::named_tensor> const& tensors) {
  auto const layer = [&](image in, std::string const& name, index_t stride, bool clip) {
    auto const find = [&](std::string const& full) -> testing::named_tensor const& {
      return *std::find_if(tensors.begin(), tensors.end(), [&](auto const& t) { return t.name == full; });
    };
    return convolve(in, find(name + ".weight"), find(name + ".bias"), stride, clip);
  };
  auto const expanded = [&](image in, std::string const& name, index_t stride) {
    return layer(layer(layer(in, name + ".0.0", 1, true), name + ".1.0", stride, true), name + ".2", 1, false);
  };
  auto const with_residual = [&](image in, std::string const& name) {
    image out = expanded(in, name, 1);
    for (std::size_t i = 0; i < out.values.size(); ++i) out.values[i] += in.values[i];
    return out;
  };
  image x = layer(std::move(frame), "features.0.0", 2, true);
  x = layer(layer(x, "features.1.conv.0.0", 1, true), "features.1.conv.1", 1, false);
  x = expanded(x, "features.2.conv", 2);
  x = with_residual(x, "features.3.conv");
  x = expanded(x, "features.4.conv", 2);
  x = with_residual(x, "features.5.conv");
  x = layer(x, "features.6.0", 1, true);
  std::vector<double> feature(static_cast<std::size_t>(x.c));
  for (index_t c = 0; c < x.c; ++c)
    for (index_t y = 0; y < x.h; ++y)
      for (index_t v = 0; v < x.w; ++v) feature[static_cast<std::size_t>(c)] += x.at(c, y, v) / double(x.h * x.w);
  return feature;
}

template <class T, class B>
scale::tensor<T, 5, B> filled_clips(B const& b, index_t n, index_t t, index_t h, index_t w) {
  scale::tensor<T, 5, B> clips(b, scale::shape<5>{{n, 3, t, h, w}});
  std::vector<std::int64_t> const s = {n, 3, t, h, w};
  auto const values = golden::fill("clip", s, 0, 1.5, 1);
  std::copy(values.begin(), values.end(), clips.data_handle());
  return clips;
}

template <class T, class B>
std::vector<double> features(B const& b, scale::safetensors_file const& file, scale::tensor<T, 5, B> const& clips,
                             frame_pooling how, index_t at_once) {
  scale::mobilenet_v2_backbone<T, B> network(
      b, file, {.pooling = how, .frames_at_once = at_once, .architecture = testing::small_architecture()});
  scale::tensor<T, 2, B> y(b, scale::shape{clips.extent(0), network.feature_width()});
  network.forward(b, clips.view(), y.view());
  return {y.data_handle(), y.data_handle() + y.size()};
}

double worst_difference(std::vector<double> const& a, std::vector<double> const& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

/// The message of the input_error that loading these tensors gives.
std::string refusal(std::vector<testing::named_tensor> const& tensors, std::span<std::string const> allow = {}) {
  testing::weights_file const file(tensors);
  try {
    scale::mobilenet_v2_backbone<float, scale::cpu::context> const network(
        scale::cpu::context{}, scale::safetensors_file(file.path()), {.architecture = testing::small_architecture()},
        allow);
  } catch (scale::input_error const& e) {
    return e.what();
  }
  return "accepted";
}

bool contains(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("mobilenet_v2: layers, padding and residuals as written out, even and odd sizes") {
  auto const tensors = testing::filled_weights(testing::small_architecture(), 0);
  testing::weights_file const stored(tensors);
  scale::safetensors_file const file(stored.path());
  scale::ref::context const b;
  for (auto const& [h, w] : {std::pair<index_t, index_t>{32, 32}, {37, 50}, {34, 45}}) {
    auto const clips = filled_clips<double>(b, 1, 1, h, w);
    image frame{3, h, w};
    std::copy_n(clips.data_handle(), clips.size(), frame.values.begin());
    auto const expected = expected_feature(frame, tensors);
    CHECK(worst_difference(features(b, file, clips, frame_pooling::mean, 16), expected) < 1e-13);
    CHECK(*std::max_element(expected.begin(), expected.end()) > .1);
  }
}

TEST_CASE("mobilenet_v2: cpu agrees with ref, whatever the batch of frames") {
  testing::weights_file const stored(testing::filled_weights(testing::small_architecture(), 0));
  scale::safetensors_file const file(stored.path());
  scale::ref::context const reference;
  scale::cpu::context const cpu(2);
  for (auto const how : {frame_pooling::mean, frame_pooling::mean_and_motion}) {
    auto const exact = features(reference, file, filled_clips<double>(reference, 2, 5, 35, 48), how, 16);
    auto const clips = filled_clips<float>(cpu, 2, 5, 35, 48);
    for (index_t const at_once : {1, 2, 16}) {
      CAPTURE(at_once);
      // 14 layers, each a sum of up to 45 products of values up to 6, means over many places
      CHECK(worst_difference(features(cpu, file, clips, how, at_once), exact) < 14 * 45 * 0x1p-24);
    }
  }
}

TEST_CASE("mobilenet_v2: one object serves clips of growing and shrinking sizes, and none") {
  testing::weights_file const stored(testing::filled_weights(testing::small_architecture(), 0));
  scale::safetensors_file const file(stored.path());
  scale::cpu::context const b;
  scale::mobilenet_v2_backbone<float, scale::cpu::context> network(b, file,
                                                                   {.architecture = testing::small_architecture()});
  for (auto const s :
       {scale::shape<5>{{1, 3, 2, 32, 32}}, {{2, 3, 5, 40, 56}}, {{1, 3, 1, 33, 32}}, {{0, 3, 4, 32, 32}}}) {
    auto const clips = filled_clips<float>(b, s[0], s[2], s[3], s[4]);
    scale::tensor<float, 2, scale::cpu::context> y(b, scale::shape{s[0], network.feature_width()});
    network.forward(b, clips.view(), y.view());
    std::vector<double> const got(y.data_handle(), y.data_handle() + y.size());
    CHECK(got == features(b, file, clips, frame_pooling::mean, 16));
  }
}

TEST_CASE("mobilenet_v2: stages are shown in order, in c h w") {
  testing::weights_file const stored(testing::filled_weights(testing::small_architecture(), 0));
  scale::ref::context const b;
  scale::mobilenet_v2_backbone<float, scale::ref::context> network(
      b, scale::safetensors_file(stored.path()), {.frames_at_once = 2, .architecture = testing::small_architecture()});
  auto const clips = filled_clips<float>(b, 1, 3, 32, 36);
  scale::tensor<float, 2, scale::ref::context> y(b, scale::shape{index_t{1}, network.feature_width()});
  std::vector<std::string> seen;
  double last_mean = 0;
  network.forward(b, clips.view(), y.view(), [&](std::string_view name, auto const& x) {
    seen.push_back(std::string(name) + " " + scale::to_string(x.extents()));
    if (name != "features.6") return;
    for (index_t f = 0; f < x.extent(0); ++f)
      for (index_t i = 0; i < x.extent(2); ++i)
        for (index_t j = 0; j < x.extent(3); ++j)
          last_mean += double(x(f, 7, i, j)) / double(3 * x.extent(2) * x.extent(3));
  });
  REQUIRE(seen.size() == 14);
  CHECK(seen[0] == "features.0 [2, 5, 16, 18]");
  CHECK(seen[2] == "features.2 [2, 6, 8, 9]");
  CHECK(seen[6] == "features.6 [2, 24, 4, 5]");
  CHECK(seen[7] == "features.0 [1, 5, 16, 18]");
  CHECK(std::abs(last_mean - double(y.data_handle()[7])) < 1e-6);
}

TEST_CASE("mobilenet_v2: the classifier is optional, as a matrix or as 1 x 1 filters") {
  scale::ref::context const b;
  auto tensors = testing::filled_weights(testing::small_architecture(), 7);
  scale::tensor<float, 2, scale::ref::context> x(b, scale::shape{index_t{2}, index_t{24}}), y(b, scale::shape{2, 7});
  for (index_t i = 0; i < x.size(); ++i) x.data_handle()[i] = static_cast<float>(i) / 48;
  for (bool const filters : {false, true}) {
    auto& weight = tensors[tensors.size() - 2];
    if (filters) weight.shape = {7, 24, 1, 1};
    testing::weights_file const stored(tensors);
    scale::mobilenet_v2_backbone<float, scale::ref::context> const network(
        b, scale::safetensors_file(stored.path()), {.architecture = testing::small_architecture()});
    REQUIRE(network.classes() == 7);
    network.classify(b, x.view(), y.view());
    double expected = tensors.back().values[4];
    for (index_t j = 0; j < 24; ++j)
      expected += double(x.view()(1, j)) * double(weight.values[static_cast<std::size_t>(4 * 24 + j)]);
    CHECK(std::abs(double(y.view()(1, 4)) - expected) < 24 * 0x1p-22);
    CHECK(network.weights_sha256() == scale::sha256_of_file(stored.path()));
  }
  testing::weights_file const plain(testing::filled_weights(testing::small_architecture(), 0));
  scale::mobilenet_v2_backbone<float, scale::ref::context> const network(
      b, scale::safetensors_file(plain.path()), {.architecture = testing::small_architecture()});
  CHECK(network.classes() == 0);
  CHECK_THROWS_AS(network.classify(b, x.view(), y.view()), scale::argument_error);
}

TEST_CASE("mobilenet_v2: weights that do not fit are refused, all of them by name") {
  auto const good = testing::filled_weights(testing::small_architecture(), 3);
  CHECK(refusal(good) == "accepted");
  auto bad = good;
  bad.erase(bad.begin());  // features.0.0.weight
  bad[2].shape = {5, 9};   // features.1.conv.0.0.bias is bad[2] after the erasure
  bad[2].values.resize(45);
  bad.push_back({"features.1.conv.0.1.running_mean", {5}, std::vector<float>(5)});
  std::string const text = refusal(bad);
  CHECK_MESSAGE(contains(text, "1 missing: features.0.0.weight"), text);
  CHECK_MESSAGE(contains(text, "1 unused: features.1.conv.0.1.running_mean"), text);
  CHECK_MESSAGE(contains(text, "found [5, 9]"), text);
  std::vector<std::string> const allow = {"features.0.0.weight", "features.1.conv.0.1.running_mean"};
  CHECK_MESSAGE(contains(refusal(bad, allow), "wrong shape"), refusal(bad, allow));
  auto blank = good;
  std::fill(blank[4].values.begin(), blank[4].values.end(), 0.0f);
  CHECK_MESSAGE(contains(refusal(blank), "all zero: " + blank[4].name), refusal(blank));
}

TEST_CASE("mobilenet_v2: wrong clips are refused") {
  testing::weights_file const stored(testing::filled_weights(testing::small_architecture(), 0));
  scale::cpu::context const b;
  scale::mobilenet_v2_backbone<float, scale::cpu::context> network(b, scale::safetensors_file(stored.path()),
                                                                   {.architecture = testing::small_architecture()});
  scale::tensor<float, 2, scale::cpu::context> y(b, scale::shape{index_t{1}, network.feature_width()});
  auto const small = filled_clips<float>(b, 1, 2, 31, 40);
  CHECK_THROWS_WITH_AS(network.forward(b, small.view(), y.view()), doctest::Contains("at least 1 frame of 32 x 32"),
                       scale::argument_error);
  auto const two = filled_clips<float>(b, 2, 1, 32, 32);
  CHECK_THROWS_WITH_AS(network.forward(b, two.view(), y.view()), doctest::Contains("features shape"),
                       scale::argument_error);
}
