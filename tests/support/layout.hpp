// SPDX-License-Identifier: Apache-2.0
#pragma once
// Test tensors of images and clips in several layouts, filled and read in row-major order.

#include <scale/core/tensor.hpp>
#include <scale/ops/transfer.hpp>

#include <support/random_tensor.hpp>

#include <cstddef>
#include <vector>

namespace testing {

enum class layout {
  row_major,      // n c t h w
  channels_last,  // n t h w c
  gaps,           // row-major, each row followed by two elements that belong to nobody
};

inline constexpr layout all_layouts[] = {layout::row_major, layout::channels_last, layout::gaps};

template <int Rank>
scale::shape<Rank> strides_of(scale::shape<Rank> const& s, layout l) {
  scale::shape<Rank> strides;
  scale::index_t inside = 1;
  auto const next = [&](int axis) {
    strides[axis] = inside;
    inside *= s[axis];
    if (l == layout::gaps && axis == Rank - 1) inside += 2;
  };
  if (l == layout::channels_last) next(1);
  for (int axis = Rank - 1; axis > 1; --axis) next(axis);
  if (l != layout::channels_last) next(1);
  next(0);
  return strides;
}

/// Rank 4 or 5. values() fails the test where an operator wrote between the elements.
template <class T, int Rank, scale::backend B>
class laid_out {
 public:
  laid_out(B const& b, scale::shape<Rank> const& s, layout l, std::vector<T> const& values)
      : extents_(s), strides_(strides_of(s, l)), storage_(b, scale::shape<1>{{s[0] * strides_[0]}}) {
    std::vector<T> all(static_cast<std::size_t>(storage_.size()), T(guard));
    for (std::size_t i = 0; i < values.size(); ++i) all[place(i)] = values[i];
    scale::upload(b, all, storage_);
  }

  /// Filled with a value that no operator should leave where its contract says "=".
  laid_out(B const& b, scale::shape<Rank> const& s, layout l)
      : laid_out(b, s, l, std::vector<T>(static_cast<std::size_t>(s.size()), T(-77))) {}

  std::vector<T> values(B const& b) const {
    std::vector<T> all = values_of(b, storage_), result(static_cast<std::size_t>(extents_.size()));
    for (std::size_t i = 0; i < result.size(); ++i) {
      result[i] = all[place(i)];
      all[place(i)] = T(guard);
    }
    bool whole = true;
    for (T const value : all) whole &= value == T(guard);
    CHECK_MESSAGE(whole, "an operator wrote between the elements");
    return result;
  }

  scale::tensor_view<T, Rank, B> view() { return {storage_.data_handle(), extents_, strides_}; }
  operator scale::tensor_view<T, Rank, B>() { return view(); }
  operator scale::tensor_view<T const, Rank, B>() { return view(); }

 private:
  static constexpr int guard = 93;

  std::size_t place(std::size_t i) const {
    scale::index_t offset = 0, rest = static_cast<scale::index_t>(i);
    for (int axis = Rank - 1; axis >= 0; --axis) {
      offset += rest % extents_[axis] * strides_[axis];
      rest /= extents_[axis];
    }
    return static_cast<std::size_t>(offset);
  }

  scale::shape<Rank> extents_, strides_;
  scale::tensor<T, 1, B> storage_;
};

}  // namespace testing
