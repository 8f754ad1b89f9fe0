// SPDX-License-Identifier: Apache-2.0
#pragma once
// Learning rate over a training run: linear warm-up, then half a cosine down to 0 (the paper's section 4).

#include <scale/core/error.hpp>

#include <cmath>
#include <numbers>
#include <string>

namespace scale {

/// Multiplier of the learning rate at iteration i = 0 .. total: i / warm while i <= warm, then
/// (cos(pi (i - warm) / (total - warm)) + 1) / 2. Without warm-up a plain cosine from 1. `warm` need not be whole.
class warm_up_cosine {
 public:
  warm_up_cosine(double total, double warm, location at = location::current()) : total_(total), warm_(warm) {
    if (!(total > 0 && std::isfinite(total)))
      throw_expected("warm_up_cosine", "total", "above 0", std::to_string(total), at);
    if (!(warm >= 0 && warm <= total))
      throw_expected("warm_up_cosine", "warm", "in [0, total = " + std::to_string(total) + "]", std::to_string(warm),
                     at);
  }

  /// Throws argument_error outside [0, total].
  double operator()(double iteration, location at = location::current()) const {
    if (!(iteration >= 0 && iteration <= total_))
      throw_expected("warm_up_cosine", "iteration", "in [0, " + std::to_string(total_) + "]", std::to_string(iteration),
                     at);
    if (warm_ > 0 && iteration <= warm_) return iteration / warm_;
    return (std::cos(std::numbers::pi * (iteration - warm_) / (total_ - warm_)) + 1) / 2;
  }

 private:
  double total_;
  double warm_;
};

}  // namespace scale
