// SPDX-License-Identifier: Apache-2.0
#pragma once
// What centred input takes beside the clips, in a backend's memory.

#include <scale/eval/clip_source.hpp>
#include <scale/ops/transfer.hpp>

#include <span>
#include <vector>

namespace scale {

/// The means of videos over their clips, and 1 / s. Owns both.
template <floating T, backend B>
class centring_tensors {
 public:
  centring_tensors() = default;

  /// mean [videos, d], video after video; s [d].
  centring_tensors(B const& b, std::span<stat_t<T> const> mean, std::span<double const> s,
                   location at = location::current()) {
    using stat = stat_t<T>;
    index_t const width = static_cast<index_t>(s.size());
    std::vector<stat> inverse;
    for (double const value : s) inverse.push_back(static_cast<stat>(1 / value));
    mean_ = tensor<stat, 2, B>(b, shape{static_cast<index_t>(mean.size()) / width, width});
    inverse_ = tensor<stat, 1, B>(b, shape{width});
    upload(b, mean, mean_.view(), at);
    upload(b, std::span<stat const>(inverse), inverse_.view(), at);
  }

  /// The source borrows them.
  void lend_to(clip_source<T, B>& source) const {
    source.mean = mean_;
    source.inverse_scale = inverse_;
  }

 private:
  tensor<stat_t<T>, 2, B> mean_;
  tensor<stat_t<T>, 1, B> inverse_;
};

}  // namespace scale
