// SPDX-License-Identifier: Apache-2.0
#pragma once
// The embedded backbone: oriented spatio-temporal energy in closed form, no weights. See ops/motion_energy.hpp for what
// is computed and describe_motion_energy for the meaning of each number.

#include <scale/backbone/backbone.hpp>
#include <scale/ops/motion_energy.hpp>

#include <algorithm>

namespace scale {

/// Clips of at least 2 frames of 16 x 16. Cost on one core: about 2 ms for 16 x 224 x 224, 1 ms for 16 x 64 x 64.
template <floating T, backend B>
class motion_energy_backbone {
 public:
  static constexpr char const* name = "motion_energy";
  static constexpr backbone_input input = backbone_input::clip;

  /// Pixels are RGB in [0, 1] as they are.
  static constexpr backbone_defaults defaults() { return {}; }

  /// `lanes`: clips worked on side by side at most; each has a workspace of its own, 2 MB for 16 frames in float.
  explicit motion_energy_backbone(index_t lanes = 1, location at = location::current()) : lanes_(lanes) {
    if (lanes < 1) throw_expected(name, "lanes", "at least 1", std::to_string(lanes), at);
  }

  index_t feature_width() const { return motion_energy_width; }
  std::string weights_sha256() const { return {}; }

  void forward(B const& b, tensor_view<T const, 5, B> clips, tensor_view<T, 2, B> features,
               location at = location::current()) {
    expect_backbone_shapes(name, clips, features, motion_energy_width, at);
    if (clips.extent(0) == 0) return;
    index_t const needed = motion_energy_workspace(clips.extent(2), clips.extent(3), clips.extent(4));
    if (workspace_.extent(1) < needed) workspace_ = tensor<stat_t<T>, 2, B>(b, shape{lanes_, needed});
    motion_energy(b, clips, {.y = features, .workspace = workspace_}, at);
  }

 private:
  index_t lanes_;
  tensor<stat_t<T>, 2, B> workspace_;
};

}  // namespace scale
