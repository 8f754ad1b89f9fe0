// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a backbone is: a frozen network or formula that turns a clip into one feature vector.

#include <scale/core/tensor.hpp>
#include <scale/ops/frame_pool.hpp>

#include <concepts>
#include <string>
#include <string_view>

namespace scale {

/// What a backbone looks at.
enum class backbone_input {
  frames,  // single frames; the clip's feature is pooled from theirs, see frame_pooling
  clip,    // all frames together
};

/// How clips for a backbone are made, unless the user says otherwise.
struct backbone_defaults {
  index_t frames = 16;
  index_t size = 224;   // pixels, height and width
  double stride = 4;    // frames of the video from one frame of the clip to the next, at `fps`
  double fps = 30;      // frames per second
  double mean[3] = {};  // pixels are (RGB in [0, 1] - mean) / std
  double std[3] = {1, 1, 1};
};

template <class X>
concept pools_frames = requires(X const& c) {
  { c.pooling() } -> std::same_as<frame_pooling>;
};

/// Of a backbone whose class says what it looks at.
template <class X>
concept looks_at_clips = requires {
  requires X::input == backbone_input::clip;
};

/// A backbone of element type T on backend B. `name` is its word on the command line; `weights_sha256()` the file's
/// hash in hexadecimal, empty where there are no weights. `forward(b, clips, features)` takes pixels [n, 3, t, h, w]
/// after the statistics of `defaults()` and sets rows [n, feature_width()]; it owns its workspace, which grows at the
/// first call of a larger size and is used again after, so one object serves one thread. One that looks at frames
/// says how it pools them. `name`, `input` and `defaults()` are static, unless the class stands for several backbones.
template <class X, class T, class B>
concept clip_backbone = backend<B> && floating<T> &&
    requires(X& x, X const& c, B const& b, tensor_view<T const, 5, B> clips, tensor_view<T, 2, B> features) {
  { c.name } -> std::convertible_to<std::string_view>;
  { c.input } -> std::convertible_to<backbone_input>;
  { c.defaults() } -> std::convertible_to<backbone_defaults>;
  { c.feature_width() } -> std::same_as<index_t>;
  { c.weights_sha256() } -> std::convertible_to<std::string>;
  x.forward(b, clips, features);
} &&(pools_frames<X> || looks_at_clips<X>);

/// Throws argument_error unless clips are [n, 3, t, h, w] and features rows [n, width].
template <class T, class B>
void expect_backbone_shapes(std::string_view name, tensor_view<T const, 5, B> const& clips,
                            tensor_view<T, 2, B> const& features, index_t width, location at) {
  shape<5> expected = clips.extents();
  expected[1] = 3;
  expect_shape(name, "clips", clips, expected, at);
  expect_contiguous(name, "clips", clips, at);
  expect_shape(name, "features", features, shape{clips.extent(0), width}, at);
  expect_row_contiguous(name, "features", features, at);
}

}  // namespace scale
