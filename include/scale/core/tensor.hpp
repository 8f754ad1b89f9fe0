// SPDX-License-Identifier: Apache-2.0
#pragma once
// An owning tensor: one allocation of a backend, row-major, move-only.

#include <scale/core/tensor_view.hpp>

#include <type_traits>

namespace scale {

/// Owns its elements, which are uninitialised when made. Moving leaves the source without data.
template <element T, int Rank, backend B>
class tensor {
 public:
  using element_type = T;
  using backend_type = B;
  using view_type = tensor_view<T, Rank, B>;
  using const_view_type = tensor_view<T const, Rank, B>;

  tensor() = default;

  /// Allocates. Throws argument_error for an impossible shape, resource_error where memory is exhausted.
  tensor(B const& b, shape<Rank> const& s, location at = location::current())
      : buffer_(b.allocate(bytes_of(s, sizeof(T), at))), extents_(s) {}

  view_type view() { return {static_cast<T*>(buffer_.data()), extents_}; }
  const_view_type view() const { return {static_cast<T const*>(buffer_.data()), extents_}; }
  operator view_type() { return view(); }
  operator const_view_type() const { return view(); }

  T* data_handle() { return static_cast<T*>(buffer_.data()); }
  T const* data_handle() const { return static_cast<T const*>(buffer_.data()); }
  index_t extent(int axis) const { return extents_[axis]; }
  shape<Rank> const& extents() const { return extents_; }
  index_t size() const { return buffer_.data() == nullptr ? 0 : extents_.size(); }

 private:
  typename B::buffer buffer_{};
  shape<Rank> extents_{};
};

namespace detail {

template <class X>
struct tensor_traits;

template <class T, int Rank, class B>
struct tensor_traits<tensor_view<T, Rank, B>> {
  using element_type = std::remove_const_t<T>;
  using backend_type = B;
  static constexpr int rank = Rank;
};

template <class T, int Rank, class B>
struct tensor_traits<tensor<T, Rank, B>> {
  using element_type = T;
  using backend_type = B;
  static constexpr int rank = Rank;
};

}  // namespace detail

/// A tensor or view of backend B, readable.
template <class X, class B>
concept readable_by = requires {
  typename detail::tensor_traits<std::remove_cvref_t<X>>::backend_type;
}
&&std::same_as<typename detail::tensor_traits<std::remove_cvref_t<X>>::backend_type, B>;

template <class X>
using element_t = typename detail::tensor_traits<std::remove_cvref_t<X>>::element_type;

template <class X>
inline constexpr int rank_of = detail::tensor_traits<std::remove_cvref_t<X>>::rank;

}  // namespace scale
