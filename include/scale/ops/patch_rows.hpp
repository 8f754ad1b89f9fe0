// SPDX-License-Identifier: Apache-2.0
#pragma once
// Cuts clips into the patches that a transformer embeds: contract of patch_rows.

#include <scale/core/tensor.hpp>

#include <string>
#include <type_traits>

namespace scale {

/// Every block of `frames` x `size` x `size` pixels of clips [n, c, t, h, w] becomes a row: blocks in order n, t, h, w,
/// and within a row c, t, h, w, as a convolution's weight [o, c, frames, size, size] has its numbers. With stride and
/// kernel alike that convolution is a matrix product with these rows. clips contiguous, extents multiples of the
/// block's; rows of y may lie apart and do not alias clips.
template <class T, backend B>
struct patch_rows_args {
  index_t frames = 1, size = 16;
  tensor_view<T, 2, B> y;  // [n (t / frames) (h / size) (w / size), c frames size size]  =
};

namespace detail::patch_rows_cpo {

void patch_rows() = delete;

template <class B, class X, class A>
concept on = requires(B const& b, X const& x, A const& a) {
  patch_rows(b, x, a);
};

struct fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& clips_, std::type_identity_t<patch_rows_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "patch_rows";
    tensor_view<element_t<X> const, 5, B> const clips = clips_;
    expect_shape(op, "clips", clips, clips.extents(), at);
    expect_contiguous(op, "clips", clips, at);
    if (a.frames < 1) throw_expected(op, "frames", "at least 1", std::to_string(a.frames), at);
    if (a.size < 1) throw_expected(op, "size", "at least 1", std::to_string(a.size), at);
    index_t const block[3] = {a.frames, a.size, a.size};
    index_t rows = clips.extent(0);
    for (int axis = 0; axis < 3; ++axis) {
      if (clips.extent(axis + 2) % block[axis] != 0)
        throw_expected(op, "clips.extent(" + std::to_string(axis + 2) + ")",
                       "a multiple of " + std::to_string(block[axis]), std::to_string(clips.extent(axis + 2)), at);
      rows *= clips.extent(axis + 2) / block[axis];
    }
    expect_shape(op, "y", a.y, shape{rows, clips.extent(1) * a.frames * a.size * a.size}, at);
    expect_row_contiguous(op, "y", a.y, at);
    if constexpr (on<B, decltype(clips), patch_rows_args<element_t<X>, B>>)
      patch_rows(b, clips, a);
    else
      static_assert(sizeof(X) == 0,
                    "patch_rows: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
                    "backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::patch_rows_cpo

inline constexpr detail::patch_rows_cpo::fn patch_rows{};

}  // namespace scale
