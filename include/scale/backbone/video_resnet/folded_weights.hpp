// SPDX-License-Identifier: Apache-2.0
#pragma once
// Batch norm at inference is a factor and an offset per channel: they go into the convolution before it.

#include <scale/backbone/video_resnet/architecture.hpp>
#include <scale/io/name_map.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace scale {

/// Of a convolution with bias that gives what convolution and norm give: weight[o] s[o] and bias - mean s, where
/// s = norm weight / sqrt(variance + eps). In double.
struct folded_weights {
  std::vector<double> weight, bias;
};

/// Throws input_error that lists every channel whose variance is not positive; a name in `allow` may have variances of
/// 0, as of channels that never vary, but never negative ones.
inline void expect_positive_variances(std::filesystem::path const& file, loaded_weights const& weights,
                                      std::vector<video_resnet_block> const& blocks,
                                      std::span<std::string const> allow) {
  std::string text;
  for_each_layer(blocks, [&](video_resnet_layer const& layer) {
    std::string const name = layer.norm + ".running_var";
    if (!weights.contains(name)) return;
    bool const zero_is_allowed = std::find(allow.begin(), allow.end(), name) != allow.end();
    std::vector<double> const variance = weights.template read<double>(name);
    for (std::size_t c = 0; c < variance.size(); ++c)
      if (variance[c] < 0 || (variance[c] == 0 && !zero_is_allowed))
        text += "\n  " + name + "[" + std::to_string(c) + "] is " + std::to_string(variance[c]);
  });
  if (!text.empty())
    refuse_file(file, "expected positive variances of the batch norms, found" + text +
                          "\n  give the weights of a trained network; where channels never vary, allow these names");
}

/// What the caller allowed to be missing is 0; a norm's weight and variance are 1.
inline folded_weights fold_batch_norm(loaded_weights const& weights, video_resnet_layer const& layer, double eps) {
  auto const read = [&](std::string const& name, index_t size, double otherwise) {
    return weights.contains(name) ? weights.template read<double>(name)
                                  : std::vector<double>(static_cast<std::size_t>(size), otherwise);
  };
  folded_weights folded{read(layer.convolution + ".weight", layer.weight_extents().size(), 0),
                        read(layer.norm + ".bias", layer.out, 0)};
  std::vector<double> const scale = read(layer.norm + ".weight", layer.out, 1);
  std::vector<double> const mean = read(layer.norm + ".running_mean", layer.out, 0);
  std::vector<double> const variance = read(layer.norm + ".running_var", layer.out, 1);
  std::size_t const taps = folded.weight.size() / scale.size();
  for (std::size_t o = 0; o < scale.size(); ++o) {
    double const factor = scale[o] / std::sqrt(variance[o] + eps);
    for (std::size_t i = 0; i < taps; ++i) folded.weight[o * taps + i] *= factor;
    folded.bias[o] -= mean[o] * factor;
  }
  return folded;
}

}  // namespace scale
