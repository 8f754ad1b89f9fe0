// SPDX-License-Identifier: Apache-2.0
#pragma once
// A convolution whose weights stay: contract of freeze_convolution and frozen_convolution_forward.

#include <scale/core/tensor.hpp>
#include <scale/ops/activation.hpp>
#include <scale/ops/convolution.hpp>

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

namespace scale {

/// What beside the weights is the same in every call; see convolution_forward_args for the meaning of each member.
template <class T, int Rank, backend B>
struct freeze_convolution_args {
  static constexpr std::size_t axes = static_cast<std::size_t>(Rank) - 2;
  tensor_view<T const, 1, B> bias{};  // [o] optional; copied
  index_t stride[axes];               // >= 1
  index_t pad_begin[axes], pad_end[axes];
  index_t groups = 1;
  activation act = activation::none;  // none, relu or relu6
};

/// y = act(x * weight + bias + residual), as convolution_forward gives it.
template <class T, int Rank, backend B>
struct frozen_convolution_forward_args {
  tensor_view<T, Rank, B> y;                 // [n, o, ...]  =
  tensor_view<T const, Rank, B> residual{};  // shape of y, optional; y may alias it
};

namespace detail::frozen_convolution_cpo {

void freeze_convolution() = delete;
void frozen_convolution_forward() = delete;

template <class B, class W, class A>
concept freeze_on = requires(B const& b, W const& weight, A const& a) {
  freeze_convolution(b, weight, a);
};
template <class B, class X, class F, class A>
concept forward_on = requires(B const& b, X const& x, F& frozen, A const& a) {
  frozen_convolution_forward(b, x, frozen, a);
};

struct freeze_fn {
  template <backend B, readable_by<B> W>
  auto operator()(B const& b, W const& weight_,
                  std::type_identity_t<freeze_convolution_args<element_t<W>, rank_of<W>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "freeze_convolution";
    static_assert(rank_of<W> == 4 || rank_of<W> == 5, "freeze_convolution: there are 2 or 3 spatial axes");
    tensor_view<element_t<W> const, rank_of<W>, B> const weight = weight_;
    if (a.groups < 1) throw_expected(op, "groups", "at least 1", std::to_string(a.groups), at);
    shape<rank_of<W>> all_under_the_kernel = weight.extents();
    all_under_the_kernel[1] *= a.groups;
    (void)convolution_output(op, all_under_the_kernel, weight.extents(), a, at);
    expect_shape(op, "weight", weight, weight.extents(), at);
    expect_contiguous(op, "weight", weight, at);
    expect_shape_if_given(op, "bias", a.bias, shape{weight.extent(0)}, at);
    expect_contiguous(op, "bias", a.bias, at);
    expect(a.act != activation::gelu, op, "act must be none, relu or relu6, got gelu", at);
    if constexpr (freeze_on<B, decltype(weight), freeze_convolution_args<element_t<W>, rank_of<W>, B>>)
      return freeze_convolution(b, weight, a);
    else
      static_assert(sizeof(W) == 0,
                    "freeze_convolution: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

struct forward_fn {
  template <backend B, readable_by<B> X, class Frozen>
  void operator()(B const& b, X const& x_, Frozen& frozen,
                  std::type_identity_t<frozen_convolution_forward_args<element_t<X>, rank_of<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "frozen_convolution_forward";
    tensor_view<element_t<X> const, rank_of<X>, B> const x = x_;
    shape<rank_of<X>> const weight = frozen.weight_extents();
    index_t const channels = weight[1] * frozen.fixed().groups;
    if (x.extent(1) != channels)
      throw_expected(op, "x.extent(1)", std::to_string(channels) + ", the channels of the weights",
                     std::to_string(x.extent(1)), at);
    shape<rank_of<X>> const out = convolution_output(op, x.extents(), weight, frozen.fixed(), at);
    expect_shape(op, "x", x, x.extents(), at);
    expect_no_overlap(op, "x", x, at);
    expect_shape(op, "y", a.y, out, at);
    expect_no_overlap(op, "y", a.y, at);
    expect_shape_if_given(op, "residual", a.residual, out, at);
    expect_no_overlap(op, "residual", a.residual, at);
    if constexpr (forward_on<B, decltype(x), Frozen, frozen_convolution_forward_args<element_t<X>, rank_of<X>, B>>)
      frozen_convolution_forward(b, x, frozen, a);
    else
      static_assert(sizeof(X) == 0,
                    "frozen_convolution_forward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::frozen_convolution_cpo

/// freeze_convolution(b, weight, args): an object of the backend's own type, movable, that owns a copy of the weights
/// [o, c / groups, kernel...], contiguous, in whatever layout the backend computes with.
inline constexpr detail::frozen_convolution_cpo::freeze_fn freeze_convolution{};

/// frozen_convolution_forward(b, x, frozen, args): x of any size and layout that convolution_forward takes, with the
/// channels of the weights. The object keeps what the shapes of the last call needed: it serves one thread at a time,
/// and is fastest where shapes stay.
inline constexpr detail::frozen_convolution_cpo::forward_fn frozen_convolution_forward{};

/// What freeze_convolution makes.
template <class T, int Rank, backend B>
using frozen_convolution_t =
    decltype(freeze_convolution(std::declval<B const&>(), std::declval<tensor_view<T const, Rank, B> const&>(),
                                std::declval<freeze_convolution_args<T, Rank, B> const&>()));

}  // namespace scale
