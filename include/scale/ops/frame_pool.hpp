// SPDX-License-Identifier: Apache-2.0
#pragma once
// One feature for a clip from the features of its frames: contract of frame_pool.

#include <scale/core/tensor.hpp>

#include <string>
#include <type_traits>

namespace scale {

enum class frame_pooling {
  mean,             // mean over the frames
  mean_and_motion,  // that, followed by the mean absolute difference of neighbouring frames; 0 for a single frame
};

/// Numbers per clip, from `width` numbers per frame.
constexpr index_t pooled_width(frame_pooling how, index_t width) {
  return how == frame_pooling::mean ? width : 2 * width;
}

/// x [n * frames, c]: the frames of clip i in order are rows i * frames to (i + 1) * frames - 1. Rows of x and y may
/// lie apart; y must not alias x. Sums in stat_t<T>.
template <class T, backend B>
struct frame_pool_args {
  index_t frames = 0;  // per clip, at least 1
  frame_pooling how = frame_pooling::mean;
  tensor_view<T, 2, B> y;  // [n, pooled_width(how, c)]  =
};

namespace detail::frame_pool_cpo {

void frame_pool() = delete;

template <class B, class X, class A>
concept on = requires(B const& b, X const& x, A const& a) {
  frame_pool(b, x, a);
};

struct fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<frame_pool_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "frame_pool";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    expect_shape(op, "x", x, x.extents(), at);
    expect_row_contiguous(op, "x", x, at);
    if (a.frames < 1) throw_expected(op, "frames", "at least 1", std::to_string(a.frames), at);
    if (x.extent(0) % a.frames != 0)
      throw_expected(op, "x.extent(0)", "a multiple of frames = " + std::to_string(a.frames),
                     std::to_string(x.extent(0)), at);
    expect_shape(op, "y", a.y, shape{x.extent(0) / a.frames, pooled_width(a.how, x.extent(1))}, at);
    expect_row_contiguous(op, "y", a.y, at);
    if constexpr (on<B, decltype(x), frame_pool_args<element_t<X>, B>>)
      frame_pool(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "frame_pool: this backend has no overload for this element type; include <scale/NAME.hpp> of the "
                    "backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::frame_pool_cpo

inline constexpr detail::frame_pool_cpo::fn frame_pool{};

}  // namespace scale
