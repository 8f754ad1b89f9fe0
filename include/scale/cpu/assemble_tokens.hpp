// SPDX-License-Identifier: Apache-2.0
#pragma once
// Assembly of token rows on the CPU.

#include <scale/cpu/detail/column_sums.hpp>
#include <scale/cpu/detail/round_to.hpp>
#include <scale/cpu/detail/runs.hpp>
#include <scale/cpu/element.hpp>
#include <scale/ops/assemble_tokens.hpp>

#include <algorithm>

namespace scale::cpu {

template <cpu_element T>
void assemble_tokens_forward(context const& c, tensor_view<T const, 2, context> projected,
                             assemble_tokens_forward_args<T, context> const& a) {
  index_t const h = projected.extent(1), tokens = 1 + a.clips;
  auto const row = [&, h, tokens](index_t r, T* out) {
    index_t const set = r / tokens, token = r % tokens;
    if (token == 0) {
      std::copy_n(a.cls_token.data_handle(), h, out);
      return;
    }
    index_t const clip = set * a.clips + token - 1, source = a.source(clip);
    T const* const content =
        source < 0 ? a.mask_token.data_handle() : projected.data_handle() + source * projected.stride(0);
    T const* const position = a.position.data_handle() + clip * a.position.stride(0);
#pragma omp simd
    for (index_t j = 0; j < h; ++j) detail::round_to(out[j], stat_t<T>(content[j]) + stat_t<T>(position[j]));
  };
  detail::for_each_row(c, row, a.tokens);
}

template <cpu_element T>
void assemble_tokens_backward(context const& c, tensor_view<T const, 2, context> dtokens,
                              assemble_tokens_backward_args<T, context> const& a) {
  index_t const h = dtokens.extent(1), clips = a.clips, places = a.source.extent(0);
  auto const token_of = [&, clips](index_t place) -> T const* {
    return dtokens.data_handle() + (place / clips * (1 + clips) + 1 + place % clips) * dtokens.stride(0);
  };
  index_t named = 0;
  for (index_t place = 0; place < places; ++place) named += a.source(place) >= 0 ? 1 : 0;
  if (named < a.dprojected.extent(0))  // some rows have no gradient
    detail::for_each_run(
        c, [](index_t length, T* out) { std::fill_n(out, length, T(0)); }, a.dprojected);
  auto const row = [&, h](index_t place, T* dposition) {
    T const* const gradient = token_of(place);
    index_t const source = a.source(place);
    std::copy_n(gradient, h, dposition);
    if (source >= 0) std::copy_n(gradient, h, a.dprojected.data_handle() + source * a.dprojected.stride(0));
  };
  detail::for_each_row(c, row, a.dposition);
  detail::add_column_sums(
      c, places / clips, h,
      [&](index_t set) -> T const* { return dtokens.data_handle() + set * (1 + clips) * dtokens.stride(0); },
      a.dcls_token.data_handle());
  if (named < places)
    detail::add_column_sums(
        c, places, h, [&](index_t place) -> T const* { return a.source(place) < 0 ? token_of(place) : nullptr; },
        a.dmask_token.data_handle());
}

}  // namespace scale::cpu
