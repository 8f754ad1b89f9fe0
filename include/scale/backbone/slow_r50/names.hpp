// SPDX-License-Identifier: Apache-2.0
#pragma once
// How files name the weights of SlowOnly ResNet-50: pytorchvideo, SlowFast, mmaction2, Caffe2.

#include <scale/backbone/video_resnet/architecture.hpp>
#include <scale/io/name_map.hpp>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scale {

namespace detail {

inline bool is_counter(std::string_view name) { return name.ends_with("num_batches_tracked"); }

/// Places of names whose part before the last dot is in `layers`: there the network's own, with the same last part.
inline name_map renamed_layers(std::map<std::string, std::string, std::less<>> layers) {
  return [layers = std::move(layers)](std::string_view name) -> std::optional<weight_place> {
    std::size_t const dot = name.rfind('.');
    if (dot == std::string_view::npos) return std::nullopt;
    auto const found = layers.find(name.substr(0, dot));
    if (found == layers.end()) return std::nullopt;
    return weight_place{found->second + std::string(name.substr(dot))};
  };
}

/// `convolution(stage, block, which)` and `norm(...)` name the layers of a block, from 0; which is a, b, c, or s for
/// its shortcut.
template <class Name>
void rename_blocks(std::map<std::string, std::string, std::less<>>& layers,
                   std::vector<video_resnet_block> const& blocks, Name const& convolution, Name const& norm) {
  int stage = -1, i = 0;
  for (video_resnet_block const& block : blocks) {
    if (block.sum == video_resnet_sum::none) continue;
    bool const first = block.sum == video_resnet_sum::shortcut;
    stage += first ? 1 : 0;
    i = first ? 0 : i + 1;
    auto const add = [&](video_resnet_layer const& layer, char which) {
      layers.emplace(convolution(stage, i, which), layer.convolution);
      layers.emplace(norm(stage, i, which), layer.norm);
    };
    if (first) add(block.shortcut, 's');
    for (std::size_t k = 0; k < block.layers.size(); ++k) add(block.layers[k], "abc"[k]);
  }
}

}  // namespace detail

/// Names of SlowFast: s1.pathway0_stem.conv, s2.pathway0_res0.branch2.a, ...
inline name_map slowfast_names(std::vector<video_resnet_block> const& blocks) {
  std::map<std::string, std::string, std::less<>> layers = {{"s1.pathway0_stem.conv", "blocks.0.conv"},
                                                            {"s1.pathway0_stem.bn", "blocks.0.norm"}};
  auto const name_with = [](std::string const& end) {
    return [end](int stage, int block, char which) {
      std::string const start = "s" + std::to_string(stage + 2) + ".pathway0_res" + std::to_string(block) + ".";
      return start + (which == 's' ? "branch1" : std::string("branch2.") + which) + end;
    };
  };
  detail::rename_blocks(layers, blocks, name_with(""), name_with("_bn"));
  return detail::renamed_layers(std::move(layers));
}

/// Names of mmaction2, without `backbone.`: conv1.conv, layer1.0.conv1.conv, layer1.0.downsample.bn, ...
inline name_map mmaction_names(std::vector<video_resnet_block> const& blocks) {
  std::map<std::string, std::string, std::less<>> layers = {{"conv1.conv", "blocks.0.conv"},
                                                            {"conv1.bn", "blocks.0.norm"}};
  auto const name_with = [](std::string const& end) {
    return [end](int stage, int block, char which) {
      std::string const start = "layer" + std::to_string(stage + 1) + "." + std::to_string(block) + ".";
      return start + (which == 's' ? "downsample" : "conv" + std::to_string(which - 'a' + 1)) + end;
    };
  };
  detail::rename_blocks(layers, blocks, name_with(".conv"), name_with(".bn"));
  return detail::renamed_layers(std::move(layers));
}

/// Names of SlowFast's older model zoo, written by Caffe2: conv1_w, res_conv1_bn_s, res2_0_branch2a_w,
/// res2_0_branch2a_bn_riv, ... What it calls riv is the running variance.
inline name_map caffe2_names(std::vector<video_resnet_block> const& blocks) {
  std::map<std::string, std::string, std::less<>> layers = {{"conv1", "blocks.0.conv"},
                                                            {"res_conv1_bn", "blocks.0.norm"}};
  auto const name_with = [](std::string const& end) {
    return [end](int stage, int block, char which) {
      std::string const start = "res" + std::to_string(stage + 2) + "_" + std::to_string(block) + "_branch";
      return start + (which == 's' ? "1" : std::string("2") + which) + end;
    };
  };
  detail::rename_blocks(layers, blocks, name_with(""), name_with("_bn"));
  std::map<std::string, std::string, std::less<>> const kinds = {
      {"w", ".weight"}, {"s", ".weight"}, {"b", ".bias"}, {"rm", ".running_mean"}, {"riv", ".running_var"}};
  return [layers = std::move(layers), kinds](std::string_view name) -> std::optional<weight_place> {
    std::size_t const end = name.rfind('_');
    if (end == std::string_view::npos) return std::nullopt;
    auto const layer = layers.find(name.substr(0, end));
    auto const kind = kinds.find(name.substr(end + 1));
    if (layer == layers.end() || kind == kinds.end()) return std::nullopt;
    return weight_place{layer->second + kind->second};
  };
}

/// All of them. Of the two networks that SlowFast's self-supervised training stores, the slowly moving one,
/// `backbone_hist.`, is wanted; the other, the projection heads and the queue are surplus then.
inline std::vector<weight_naming> slow_namings(std::vector<video_resnet_block> const& blocks) {
  auto const is_rest = [](std::string_view name) {
    bool const head = name.find("head.projection.") != std::string_view::npos;
    bool const training = name == "queue_x" || name == "ptr" || name == "iter" || name == "knn_mem.memory";
    return detail::is_counter(name) || head || training || name.find(".ssl_128") != std::string_view::npos;
  };
  return {{.name = "pytorchvideo",
           .prefixes = {"", "module."},
           .surplus = [](std::string_view n) { return detail::is_counter(n) || n.find("blocks.5.proj.") != n.npos; },
           .groups = {"model_state"}},
          {.name = "SlowFast, self-supervised",
           .prefixes = {"backbone_hist."},
           .place = slowfast_names(blocks),
           .surplus = [=](std::string_view n) { return is_rest(n) || n.starts_with("backbone."); },
           .groups = {"model_state"}},
          {.name = "SlowFast",
           .prefixes = {"", "backbone.", "module."},
           .place = slowfast_names(blocks),
           .surplus = is_rest,
           .groups = {"model_state"}},
          {.name = "mmaction2",
           .prefixes = {"backbone.", ""},
           .place = mmaction_names(blocks),
           .surplus = [](std::string_view n) { return detail::is_counter(n) || n.starts_with("cls_head.fc_cls."); },
           .groups = {"state_dict"}},
          {.name = "Caffe2",
           .place = caffe2_names(blocks),
           .surplus =
               [](std::string_view n) {
                 return n == "pred_w" || n == "pred_b" || n == "lr" || n == "model_iter" || n.ends_with("_momentum");
               },
           .groups = {"blobs"}}};
}

}  // namespace scale
