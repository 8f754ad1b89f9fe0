// SPDX-License-Identifier: Apache-2.0
// Golden kind backbone: one clip through one network, all stages and the feature.
#include <scale/backbone/mobilenet_v2.hpp>
#include <scale/backbone/slow_r50.hpp>
#include <scale/backbone/timesformer.hpp>
#include <scale/backbone/video_resnet_18.hpp>
#include <scale/backbone/videomae.hpp>
#include <scale/backbone/vjepa2.hpp>
#include <scale/io/weights_file.hpp>

#include "scale/backends.hpp"
#include "scale/verify/device_tensor.hpp"
#include "scale/verify/kinds.hpp"
#include <support/golden_backbone.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace scale::program {

namespace {

/// Runs `clips` through the backbone and compares what the file stores of it: stages of the first clip, and features.
template <class T, class B, class Backbone>
void compare(B const& b, Backbone&& backbone, tensor<T, 5, B> const& clips, golden_case const& golden,
             comparison& result) {
  auto const check_within = [&](std::string const& what, double error, char const* bound) {
    result.check_within(what, error, golden.tolerances().at(result.type()).at(bound).template get<double>());
  };
  std::set<std::string> seen;
  auto const check_stage = [&](std::string const& stage, std::vector<double> const& values) {
    if (!seen.insert(stage).second) return;  // of a later batch of frames
    golden::stage_error const error(values, golden.stored<double>("stage." + stage),
                                    golden.stored<double>("stage." + stage + ".head"));
    check_within("stage." + stage, error.sketch, "stage");
    check_within("stage." + stage + ".head", error.head, "head");
  };
  if (result.has("stage.input")) check_stage("input", to_host(b, clips));
  tensor<T, 2, B> features(b, shape{clips.extent(0), backbone.feature_width()});
  backbone.forward(b, clips.view(), features.view(), [&](std::string_view stage, auto const& x) {
    auto first = x;
    if constexpr (rank_of<decltype(x)> >= 4) first = x.rows(0, 1);
    check_stage(std::string(stage), golden::row_major(b, first));
  });
  for (auto const& stage : golden.config().at("stages"))
    if (std::string const name = stage.is_string() ? stage : stage.at("name"); !seen.contains(name))
      throw input_error(golden.file().path().string() + ": " + std::string(backbone.name) + " has no stage '" + name +
                        "'");
  std::vector<double> const got = to_host(b, features), expected = golden.stored<double>("feature");
  std::size_t const width = static_cast<std::size_t>(features.extent(1));
  for (std::size_t i = 0; i < expected.size(); i += width) {
    auto const row = [&](std::vector<double> const& all) {
      return std::vector<double>(all.begin() + static_cast<std::ptrdiff_t>(i),
                                 all.begin() + static_cast<std::ptrdiff_t>((std::min)(i + width, all.size())));
    };
    golden::feature_error const error(row(got), row(expected));
    check_within("feature", error.feature, "feature");
    check_within("feature (cosine)", error.cosine, "cosine");
  }
}

/// A row of the table: says of which backbones it computes cases, and computes one. This one: weights filled by the
/// names of `Row::weights(config)`, `Row::type` made from them.
template <class Row>
struct filled_network {
  static bool knows(nlohmann::json const& config) { return Row::knows(config.at("backbone").get<std::string>()); }

  template <class T, class B>
  static void verify(B const& b, golden_case const& golden, comparison& result) {
    auto const& config = golden.config();
    std::vector<float> const pixels = golden::clip_of(config);
    tensor<T, 5, B> clip(b, shape<5>{{1, 3, config.at("frames"), config.at("height"), config.at("width")}});
    upload(b, std::vector<T>(pixels.begin(), pixels.end()), clip);
    compare<T>(b, Row::template make<T>(b, config), clip, golden, result);
  }
};

template <class Network>
struct video_resnet_row {
  static bool knows(std::string const& backbone) { return backbone == Network::name; }

  template <class T, class B>
  static auto make(B const& b, nlohmann::json const& config) {
    return video_resnet_backbone<Network, T, B>(
        b, golden::filled_weights(video_resnet_weights(Network::blocks()), config.at("fill_seed")));
  }
};

/// Weights under the names of `table`, filled by those.
golden::memory_weights filled_by(vit_name_table const& table, std::vector<weight_spec> const& specs,
                                 std::uint64_t seed) {
  golden::memory_weights weights;
  for (vit_file_tensor const& tensor : vit_file_tensors(specs, table))
    weights.add_filled(tensor.name, tensor.shape, tensor.name, seed);
  return weights;
}

/// Named as the original files name it, a pre-trained one with a prefix.
template <class Kind>
struct videomae_row {
  static bool knows(std::string const& backbone) { return backbone == Kind::name; }

  template <class T, class B>
  static auto make(B const& b, nlohmann::json const& config) {
    char const* const prefix = *Kind::pooling == videomae_pooling::norm_then_mean ? "encoder." : "";
    return videomae_backbone<T, B, Kind>(
        b, golden::filled_weights(videomae_weights(Kind::size, *Kind::pooling), config.at("fill_seed"), prefix));
  }
};

/// SVT's names are the original ones, TimeSformer's those of `transformers`.
template <class Kind>
struct divided_attention_row {
  static bool knows(std::string const& backbone) { return backbone == Kind::name; }

  template <class T, class B>
  static auto make(B const& b, nlohmann::json const& config) {
    timesformer_size const size;
    std::vector<weight_spec> const specs = timesformer_weights(size.transformer, size.table);
    std::uint64_t const seed = config.at("fill_seed");
    return divided_attention_backbone<T, B, Kind>(b, config.at("naming") == "transformers"
                                                         ? filled_by(timesformer_transformers_names, specs, seed)
                                                         : golden::filled_weights(specs, seed));
  }
};

template <class Kind>
struct vjepa2_row {
  static bool knows(std::string const& backbone) { return backbone == Kind::name; }

  template <class T, class B>
  static auto make(B const& b, nlohmann::json const& config) {
    return vjepa2_backbone<T, B, Kind>(
        b, filled_by(vjepa2_transformers_names, vjepa2_weights(Kind::size), config.at("fill_seed")));
  }
};

/// Real weights and frames.
struct mobilenet_v2_case {
  static bool knows(nlohmann::json const& config) { return config.at("backbone") == "mobilenet_v2"; }

  template <class T, class B>
  static void verify(B const& b, golden_case const& golden, comparison& result) {
    stored_tensor const& frames = golden.file().at("input");
    index_t const n = frames.shape.at(0), h = frames.shape.at(1), w = frames.shape.at(2);
    std::vector<double> const bytes = golden.stored<double>("input");
    std::vector<T> pixels(bytes.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) {  // n h w c to n c h w
      std::size_t const places = static_cast<std::size_t>(h * w), c = i % 3, place = i / 3 % places, f = i / 3 / places;
      pixels[(f * 3 + c) * places + place] = T(static_cast<stat_t<T>>((bytes[i] - 127.5) / 127.5));
    }
    tensor<T, 5, B> clips(b, shape<5>{{n, 3, 1, h, w}});
    upload(b, pixels, clips);
    compare<T>(b, mobilenet_v2_backbone<T, B>(b, weights_file(golden.weights())), clips, golden, result);
  }
};

/// A new backbone is added here and nowhere else.
using backbone_cases =
    std::tuple<mobilenet_v2_case, filled_network<video_resnet_row<slow_r50_network>>,
               filled_network<video_resnet_row<r3d_18_network>>, filled_network<video_resnet_row<mc3_18_network>>,
               filled_network<video_resnet_row<r2plus1d_18_network>>,
               filled_network<videomae_row<videomae_b_pretrained>>, filled_network<videomae_row<videomae_b_finetuned>>,
               filled_network<videomae_row<videomae_l_pretrained>>, filled_network<divided_attention_row<svt>>,
               filled_network<divided_attention_row<timesformer>>, filled_network<vjepa2_row<vjepa2_l>>>;

}  // namespace

template <class T, class B>
void verify_backbone(B const& b, golden_case const& golden, comparison& result) {
  auto const compute = [&]<class Case>(Case) {
    if (!Case::knows(golden.config())) return false;
    Case::template verify<T>(b, golden, result);
    return true;
  };
  bool const done = std::apply([&]<class... Case>(Case... cases) { return (compute(cases) || ...); }, backbone_cases());
  if (!done)
    throw input_error(golden.file().path().string() + ": this program cannot recompute backbone '" +
                      golden.config().at("backbone").get<std::string>() + "'");
}

#define SCALE_INSTANTIATE(T, B) template void verify_backbone<T>(B const&, golden_case const&, comparison&);
SCALE_PROGRAM_FOR_EACH_BACKEND(SCALE_INSTANTIATE)
#undef SCALE_INSTANTIATE

}  // namespace scale::program
