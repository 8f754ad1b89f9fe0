// SPDX-License-Identifier: Apache-2.0
#pragma once
// A borrowed, strided, trivially copyable window on elements of a backend's memory.

#include <scale/core/backend.hpp>
#include <scale/core/dtype.hpp>
#include <scale/core/shape.hpp>

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

namespace scale {

/// Borrows; never owns. A default-made view has no data and zero extents: operators take it as "not given".
/// Strides are in elements. Copying is free; converting from T to T const is implicit.
template <class T, int Rank, backend B>
struct tensor_view {
  using element_type = T;
  using value_type = std::remove_const_t<T>;
  using backend_type = B;
  static_assert(element<value_type>, "tensor_view: this element type is not supported");

  tensor_view() = default;

  /// Row-major over `s`.
  SCALE_HD constexpr tensor_view(T* data, shape<Rank> const& s) : data_(data), extents_(s) {
    index_t stride = 1;
    for (int axis = Rank - 1; axis >= 0; --axis) {
      strides_[axis] = stride;
      stride *= s[axis];
    }
  }

  SCALE_HD constexpr tensor_view(T* data, shape<Rank> const& s, shape<Rank> const& strides)
      : data_(data), extents_(s), strides_(strides) {}

  template <class U>
  requires(std::is_const_v<T>&& std::same_as<U, value_type>) SCALE_HD
      constexpr tensor_view(tensor_view<U, Rank, B> const& other)
      : data_(other.data_handle()), extents_(other.extents()), strides_(other.strides()) {}

  SCALE_HD constexpr T* data_handle() const { return data_; }
  SCALE_HD constexpr index_t extent(int axis) const { return extents_[axis]; }
  SCALE_HD constexpr index_t stride(int axis) const { return strides_[axis]; }
  SCALE_HD constexpr shape<Rank> const& extents() const { return extents_; }
  SCALE_HD constexpr shape<Rank> const& strides() const { return strides_; }
  SCALE_HD constexpr index_t size() const { return extents_.size(); }

  /// Whether a view was given at all. A view of zero elements made from a tensor counts as given only if it has data.
  SCALE_HD constexpr bool has_data() const { return data_ != nullptr; }

  /// Whether elements lie one after another in row-major order.
  SCALE_HD constexpr bool is_contiguous() const {
    index_t expected = 1;
    for (int axis = Rank - 1; axis >= 0; --axis) {
      if (extents_[axis] != 1 && strides_[axis] != expected) return extents_.size() == 0;
      expected *= extents_[axis];
    }
    return true;
  }

  /// Element at the given indices; not checked. Only where the memory is accessible.
  template <class... Index>
  requires(sizeof...(Index) == Rank) SCALE_HD constexpr T& operator()(Index... indices) const {
    index_t const at[sizeof...(Index)] = {static_cast<index_t>(indices)...};
    index_t offset = 0;
    for (int axis = 0; axis < Rank; ++axis) offset += at[axis] * strides_[axis];
    return data_[offset];
  }

  /// Rows [begin, begin + count) of axis 0.
  constexpr tensor_view rows(index_t begin, index_t count, location at = location::current()) const {
    if (begin < 0 || count < 0 || begin > extent(0) - count)
      throw_expected("tensor_view::rows", "range", "within [0, " + std::to_string(extent(0)) + ")",
                     "[" + std::to_string(begin) + ", " + std::to_string(begin) + " + " + std::to_string(count) + ")",
                     at);
    tensor_view part = *this;
    part.extents_[0] = count;
    if (data_ != nullptr) part.data_ += begin * strides_[0];
    return part;
  }

  /// Columns [begin, begin + count) of the last axis; strided unless it is the whole.
  constexpr tensor_view columns(index_t begin, index_t count, location at = location::current()) const {
    if (begin < 0 || count < 0 || begin > extent(Rank - 1) - count)
      throw_expected("tensor_view::columns", "range", "within [0, " + std::to_string(extent(Rank - 1)) + ")",
                     "[" + std::to_string(begin) + ", " + std::to_string(begin) + " + " + std::to_string(count) + ")",
                     at);
    tensor_view part = *this;
    part.extents_[Rank - 1] = count;
    if (data_ != nullptr) part.data_ += begin * strides_[Rank - 1];
    return part;
  }

  /// The same elements under another shape of equal size. Contiguous views only.
  template <int NewRank>
  constexpr tensor_view<T, NewRank, B> reshape(shape<NewRank> const& s, location at = location::current()) const {
    expect(is_contiguous(), "tensor_view::reshape", "the view is not contiguous", at);
    if (s.size() != size()) throw_expected("tensor_view::reshape", "shape", to_string(extents_), to_string(s), at);
    return {data_, s};
  }

 private:
  T* data_ = nullptr;
  shape<Rank> extents_{};
  shape<Rank> strides_{};
};

/// Throws argument_error unless `view.extent(axis)` is `expected`, which `expected_text` names: "x.extent(1)".
template <class T, int Rank, backend B>
void expect_extent(std::string_view op, std::string_view argument, tensor_view<T, Rank, B> const& view, int axis,
                   index_t expected, std::string_view expected_text, location at) {
  if (view.extent(axis) == expected) return;
  throw_expected(op,
                 std::string(argument) + ".extent(" + std::to_string(axis) + ") must equal " +
                     std::string(expected_text) + ", shape " + to_string(view.extents()),
                 std::to_string(expected), std::to_string(view.extent(axis)), at);
}

/// Throws argument_error unless `view` has data (or no elements to have) and is of shape `expected`.
template <class T, int Rank, backend B>
void expect_shape(std::string_view op, std::string_view argument, tensor_view<T, Rank, B> const& view,
                  shape<Rank> const& expected, location at) {
  if (!(view.extents() == expected))
    throw_expected(op, std::string(argument) + " shape", to_string(expected), to_string(view.extents()), at);
  if (!view.has_data() && expected.size() != 0)
    throw_expected(op, std::string(argument), "a tensor of shape " + to_string(expected), "a view without data", at);
}

/// As expect_shape; a view without data passes: the argument is optional.
template <class T, int Rank, backend B>
void expect_shape_if_given(std::string_view op, std::string_view argument, tensor_view<T, Rank, B> const& view,
                           shape<Rank> const& expected, location at) {
  if (view.has_data()) expect_shape(op, argument, view, expected, at);
}

/// Throws argument_error unless the view is row-major without gaps.
template <class T, int Rank, backend B>
void expect_contiguous(std::string_view op, std::string_view argument, tensor_view<T, Rank, B> const& view,
                       location at) {
  if (view.has_data() && !view.is_contiguous())
    throw_expected(op, std::string(argument) + " layout", "contiguous rows",
                   "strides " + to_string(view.strides()) + " for shape " + to_string(view.extents()), at);
}

/// Throws argument_error unless each row of a matrix is contiguous; rows may lie apart, but not overlap.
template <class T, backend B>
void expect_row_contiguous(std::string_view op, std::string_view argument, tensor_view<T, 2, B> const& view,
                           location at) {
  if (!view.has_data() || view.size() == 0) return;
  bool const columns_dense = view.extent(1) == 1 || view.stride(1) == 1;
  bool const rows_apart = view.extent(0) == 1 || view.stride(0) >= view.extent(1);
  if (!columns_dense || !rows_apart)
    throw_expected(op, std::string(argument) + " layout", "contiguous, non-overlapping rows",
                   "strides " + to_string(view.strides()) + " for shape " + to_string(view.extents()), at);
}

}  // namespace scale
