// SPDX-License-Identifier: Apache-2.0
#pragma once
// Picks clips of a feature store into a batch, centred and scaled: contract of gather_clips.

#include <scale/core/tensor.hpp>
#include <scale/ops/expect_value.hpp>

#include <concepts>
#include <cstdint>

namespace scale {

/// y row (i * v + j) = (store(video[i], clip[i][j]) - mean[video[i]]) * inverse_scale, computed in stat_t<T>, then
/// rounded to T. store [videos, clips, d] is contiguous, of f16, float or double, which may differ from T; without mean
/// and inverse_scale the stored value is converted and nothing else. y rows [n * v, d] may lie apart. An index out of
/// range is an argument_error where the host can read it, else undefined.
template <class T, backend B>
struct gather_clips_args {
  tensor_view<std::int32_t const, 1, B> video;         // [n]          in [0, videos)
  tensor_view<std::int32_t const, 2, B> clip;          // [n, v]       in [0, clips), contiguous
  tensor_view<stat_t<T> const, 2, B> mean{};           // [videos, d]  optional: 0; contiguous
  tensor_view<stat_t<T> const, 1, B> inverse_scale{};  // [d]          optional: 1
};

/// Element types of a feature store.
template <class S>
concept storable = std::same_as<S, f16> || std::same_as<S, float> || std::same_as<S, double>;

namespace detail::gather_clips_cpo {

void gather_clips() = delete;

template <class B, class X, class Y, class A>
concept on = requires(B const& b, X const& x, Y const& y, A const& a) {
  gather_clips(b, x, y, a);
};

struct fn {
  template <backend B, readable_by<B> X, class Y>
  requires storable<element_t<X>> && readable_by<Y, B> && floating<element_t<Y>>
  void operator()(B const& b, X const& store_, Y&& y_,
                  std::type_identity_t<gather_clips_args<element_t<Y>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "gather_clips";
    tensor_view<element_t<X> const, 3, B> const store = store_;
    tensor_view<element_t<Y>, 2, B> const y = y_;
    index_t const videos = store.extent(0), clips = store.extent(1), d = store.extent(2);
    index_t const n = a.clip.extent(0), v = a.clip.extent(1);
    expect_shape(op, "store", store, store.extents(), at);
    expect_contiguous(op, "store", store, at);
    expect_shape(op, "video", a.video, shape{n}, at);
    expect_contiguous(op, "video", a.video, at);
    expect_shape(op, "clip", a.clip, shape{n, v}, at);
    expect_contiguous(op, "clip", a.clip, at);
    expect_shape(op, "y", y, shape{n * v, d}, at);
    expect_row_contiguous(op, "y", y, at);
    expect_shape_if_given(op, "mean", a.mean, shape{videos, d}, at);
    expect_contiguous(op, "mean", a.mean, at);
    expect_shape_if_given(op, "inverse_scale", a.inverse_scale, shape{d}, at);
    expect_contiguous(op, "inverse_scale", a.inverse_scale, at);
    expect_index_range(op, "video", a.video, 0, videos, at);
    expect_index_range(op, "clip", a.clip, 0, clips, at);
    if constexpr (on<B, decltype(store), decltype(y), gather_clips_args<element_t<Y>, B>>)
      gather_clips(b, store, y, a);
    else
      static_assert(sizeof(X) == 0,
                    "gather_clips: this backend has no overload for these element types; include <scale/NAME.hpp> of "
                    "the backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::gather_clips_cpo

inline constexpr detail::gather_clips_cpo::fn gather_clips{};

}  // namespace scale
