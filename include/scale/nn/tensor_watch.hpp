// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which tensor of a step was the first that is not finite: for a step that is computed again to find it.

#include <scale/core/tensor_view.hpp>
#include <scale/ops/transfer.hpp>

#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scale {

/// Told of tensors in the order they are computed; see arena::watch. Reads each one until one is not finite.
class tensor_watch {
 public:
  /// `view` is contiguous; a view without data passes. The tensor is named "the WHAT of OWNER.PART".
  template <floating T, int Rank, backend B>
  void look(B const& b, std::string_view what, std::string_view owner, std::string_view part,
            tensor_view<T const, Rank, B> view) {
    if (!first_.empty() || !view.has_data()) return;
    std::vector<T> host(static_cast<std::size_t>(view.size()));
    download(b, view, std::span<T>(host));
    for (T const value : host) {
      if (std::isfinite(static_cast<double>(value))) continue;
      first_ = "the " + std::string(what) + " of " + std::string(owner);
      if (!part.empty()) first_ += "." + std::string(part);
      return;
    }
  }

  /// The name of the first tensor with a number that is not finite; empty where there was none.
  std::string const& first() const noexcept { return first_; }

 private:
  std::string first_;
};

}  // namespace scale
