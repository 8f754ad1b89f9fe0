// SPDX-License-Identifier: Apache-2.0
#pragma once
// Builds the token rows of clip sets: contract of assemble_tokens_forward and assemble_tokens_backward.

#include <scale/core/tensor.hpp>
#include <scale/ops/expect_value.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace scale {

/// tokens [sets * (1 + clips), h]: token 0 of a set is cls_token; token 1 + j is position row (set * clips + j) plus
/// either row source[set * clips + j] of the positional matrix projected [u, h] or, where source is -1, mask_token.
/// Masked clips are never projected, so projected holds the others alone. Rows may lie apart; tokens aliases no input.
/// No row of projected is named twice. A bad source is an argument_error where the host can read it, else undefined.
template <class T, backend B>
struct assemble_tokens_forward_args {
  tensor_view<T const, 2, B> position;           // [sets * clips, h]
  tensor_view<std::int32_t const, 1, B> source;  // [sets * clips]  in [-1, u)
  tensor_view<T const, 1, B> mask_token;         // [h]  may be absent where no source is -1
  tensor_view<T const, 1, B> cls_token;          // [h]
  tensor_view<T, 2, B> tokens;                   // [sets * (1 + clips), h]  =
  index_t clips = 0;                             // clips per set, at least 1
};

/// Gradients from dtokens, the positional tensor. A row of projected that no source names gets gradient 0.
template <class T, backend B>
struct assemble_tokens_backward_args {
  tensor_view<std::int32_t const, 1, B> source;  // [sets * clips]  as forward
  index_t clips = 0;
  tensor_view<T, 2, B> dprojected;          // [u, h]             =
  tensor_view<T, 2, B> dposition;           // [sets * clips, h]  =
  tensor_view<acc_t<T>, 1, B> dmask_token;  // [h]                +=, may be absent where no source is -1
  tensor_view<acc_t<T>, 1, B> dcls_token;   // [h]                +=
};

namespace detail::assemble_tokens_cpo {

void assemble_tokens_forward() = delete;
void assemble_tokens_backward() = delete;

/// Number of sets that `source` covers.
template <backend B>
index_t expect_whole_sets(std::string_view op, tensor_view<std::int32_t const, 1, B> source, index_t clips,
                          location at) {
  if (clips < 1) throw_expected(op, "clips", "at least 1", std::to_string(clips), at);
  if (source.extent(0) % clips != 0)
    throw_expected(op, "source.extent(0)", "a multiple of clips = " + std::to_string(clips),
                   std::to_string(source.extent(0)), at);
  expect_shape(op, "source", source, shape{source.extent(0)}, at);
  expect_contiguous(op, "source", source, at);
  return source.extent(0) / clips;
}

template <class B, class X, class A>
concept forward_on = requires(B const& b, X const& x, A const& a) {
  assemble_tokens_forward(b, x, a);
};
template <class B, class X, class A>
concept backward_on = requires(B const& b, X const& x, A const& a) {
  assemble_tokens_backward(b, x, a);
};

struct forward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_, std::type_identity_t<assemble_tokens_forward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "assemble_tokens_forward";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    expect_shape(op, "projected", x, x.extents(), at);
    index_t const u = x.extent(0), h = x.extent(1), clips = a.clips;
    index_t const sets = expect_whole_sets(op, a.source, clips, at);
    expect_row_contiguous(op, "projected", x, at);
    expect_shape(op, "position", a.position, shape{sets * clips, h}, at);
    expect_row_contiguous(op, "position", a.position, at);
    expect_shape_if_given(op, "mask_token", a.mask_token, shape{h}, at);
    expect_contiguous(op, "mask_token", a.mask_token, at);
    expect_shape(op, "cls_token", a.cls_token, shape{h}, at);
    expect_contiguous(op, "cls_token", a.cls_token, at);
    expect_shape(op, "tokens", a.tokens, shape{sets * (1 + clips), h}, at);
    expect_row_contiguous(op, "tokens", a.tokens, at);
    expect_index_range(op, "source", a.source, a.mask_token.has_data() ? -1 : 0, u, at);
    expect_distinct(op, "source", a.source, u, at);
    if constexpr (forward_on<B, decltype(x), assemble_tokens_forward_args<element_t<X>, B>>)
      assemble_tokens_forward(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "assemble_tokens_forward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the "
                    "backend, or see docs/support-matrix.md");
  }
};

struct backward_fn {
  template <backend B, readable_by<B> X>
  void operator()(B const& b, X const& x_,
                  std::type_identity_t<assemble_tokens_backward_args<element_t<X>, B>> const& a,
                  location at = location::current()) const {
    constexpr auto op = "assemble_tokens_backward";
    tensor_view<element_t<X> const, 2, B> const x = x_;
    index_t const u = a.dprojected.extent(0), h = x.extent(1), clips = a.clips;
    index_t const sets = expect_whole_sets(op, a.source, clips, at);
    expect_shape(op, "dtokens", x, shape{sets * (1 + clips), h}, at);
    expect_row_contiguous(op, "dtokens", x, at);
    expect_shape(op, "dprojected", a.dprojected, shape{u, h}, at);
    expect_row_contiguous(op, "dprojected", a.dprojected, at);
    expect_shape(op, "dposition", a.dposition, shape{sets * clips, h}, at);
    expect_row_contiguous(op, "dposition", a.dposition, at);
    expect_shape_if_given(op, "dmask_token", a.dmask_token, shape{h}, at);
    expect_contiguous(op, "dmask_token", a.dmask_token, at);
    expect_shape(op, "dcls_token", a.dcls_token, shape{h}, at);
    expect_contiguous(op, "dcls_token", a.dcls_token, at);
    expect_index_range(op, "source", a.source, a.dmask_token.has_data() ? -1 : 0, u, at);
    expect_distinct(op, "source", a.source, u, at);
    if constexpr (backward_on<B, decltype(x), assemble_tokens_backward_args<element_t<X>, B>>)
      assemble_tokens_backward(b, x, a);
    else
      static_assert(sizeof(X) == 0,
                    "assemble_tokens_backward: this backend has no overload for this element type; include "
                    "<scale/NAME.hpp> of the "
                    "backend, or see docs/support-matrix.md");
  }
};

}  // namespace detail::assemble_tokens_cpo

inline constexpr detail::assemble_tokens_cpo::forward_fn assemble_tokens_forward{};
inline constexpr detail::assemble_tokens_cpo::backward_fn assemble_tokens_backward{};

}  // namespace scale
