// SPDX-License-Identifier: Apache-2.0
#pragma once
// Builds what a classifier sees of each clip out of x, h and cls, on a backend, and takes the gradient apart again.

#include <scale/eval/clip_features.hpp>
#include <scale/ops/copy.hpp>
#include <scale/ops/fill.hpp>
#include <scale/ops/gather_rows.hpp>
#include <scale/ops/group_mean.hpp>
#include <scale/ops/transfer.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace scale {

/// For up to `max_sets` sets of `clips` clips each; D = width of x, H = width of h and cls (0 without a model).
template <floating T, backend B>
class feature_assembly {
 public:
  feature_assembly() = default;

  feature_assembly(B const& b, clip_features features, index_t clips, index_t d, index_t h, index_t max_sets)
      : features_(features), clips_(clips), d_(d), h_(h) {
    expect(clips >= 1 && width() >= 1, "feature_assembly", "there must be clips, and a part with a width");
    expect(h >= 1 || features == clip_features::x, "feature_assembly", "h and cls need a set transformer");
    std::vector<std::int32_t> set_of_row;
    for (index_t r = 0; r < max_sets * clips; ++r) set_of_row.push_back(static_cast<std::int32_t>(r / clips));
    set_of_row_ = tensor<std::int32_t, 1, B>(b, shape{max_sets * clips});
    upload(b, std::span<std::int32_t const>(set_of_row), set_of_row_.view());
    if (has(features, clip_features::mean_h)) mean_ = tensor<T, 2, B>(b, shape{max_sets, h});
  }

  clip_features features() const { return features_; }
  index_t width() const { return width_of(features_, d_, h_); }
  index_t clips() const { return clips_; }

  /// x [sets * clips, D], h [sets * clips, H], cls [sets, H]; those that are no part may be empty. y = [sets * clips,
  /// width()]; rows may lie apart in all.
  void forward(B const& b, tensor_view<T const, 2, B> x, tensor_view<T const, 2, B> h, tensor_view<T const, 2, B> cls,
               tensor_view<T, 2, B> y) {
    index_t const rows = y.extent(0), sets = rows / clips_;
    index_t column = 0;
    auto const next = [&](index_t width) {
      column += width;
      return y.columns(column - width, width);
    };
    tensor_view<std::int32_t const, 1, B> const set = set_of_row_.view().rows(0, rows);
    if (has(features_, clip_features::x)) copy(b, x, {.y = next(d_)});
    if (has(features_, clip_features::h)) copy(b, h, {.y = next(h_)});
    if (has(features_, clip_features::mean_h)) {
      tensor_view<T, 2, B> const mean = mean_.view().rows(0, sets);
      group_mean_forward(b, h, {.group = clips_, .y = mean});
      gather_rows_forward(b, mean, {.index = set, .y = next(h_)});
    }
    if (has(features_, clip_features::cls)) gather_rows_forward(b, cls, {.index = set, .y = next(h_)});
  }

  /// dy as y -> dh [sets * clips, H] and dcls [sets, H], contiguous, both assigned (x is a constant). dh is needed
  /// only where h or its mean is a part.
  void backward(B const& b, tensor_view<T const, 2, B> dy, tensor_view<T, 2, B> dh, tensor_view<T, 2, B> dcls) {
    index_t const rows = dy.extent(0), sets = rows / clips_;
    index_t column = has(features_, clip_features::x) ? d_ : 0;
    auto const next = [&] {
      column += h_;
      return dy.columns(column - h_, h_);
    };
    tensor_view<std::int32_t const, 1, B> const set = set_of_row_.view().rows(0, rows);
    tensor_view<T const, 2, B> const of_h = has(features_, clip_features::h) ? next() : tensor_view<T const, 2, B>();
    if (dh.has_data()) fill(b, dh, 0);
    if (has(features_, clip_features::mean_h)) {
      tensor_view<T, 2, B> const mean = mean_.view().rows(0, sets);
      fill(b, mean, 0);
      gather_rows_backward(b, next(), {.index = set, .dx = mean});
      group_mean_backward(b, mean, {.group = clips_, .dx = dh});
    }
    if (of_h.has_data()) copy(b, of_h, {.y = dh, .mode = write_mode::accumulate});
    fill(b, dcls, 0);
    if (has(features_, clip_features::cls)) gather_rows_backward(b, next(), {.index = set, .dx = dcls});
  }

 private:
  clip_features features_ = clip_features::x;
  index_t clips_ = 1, d_ = 0, h_ = 0;
  tensor<std::int32_t, 1, B> set_of_row_;
  tensor<T, 2, B> mean_;
};

}  // namespace scale
