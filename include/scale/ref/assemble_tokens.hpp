// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reference assembly of token rows.

#include <scale/ops/assemble_tokens.hpp>
#include <scale/ref/context.hpp>

namespace scale::ref {

template <floating T>
void assemble_tokens_forward(context const&, tensor_view<T const, 2, context> projected,
                             assemble_tokens_forward_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const sets = a.source.extent(0) / a.clips, h = projected.extent(1);
  for (index_t s = 0; s < sets; ++s) {
    index_t const first = s * (1 + a.clips);
    for (index_t j = 0; j < h; ++j) a.tokens(first, j) = a.cls_token(j);
    for (index_t clip = 0; clip < a.clips; ++clip) {
      index_t const source = a.source(s * a.clips + clip);
      for (index_t j = 0; j < h; ++j) {
        stat const value = source < 0 ? stat(a.mask_token(j)) : stat(projected(source, j));
        a.tokens(first + 1 + clip, j) = T(value + stat(a.position(s * a.clips + clip, j)));
      }
    }
  }
}

template <floating T>
void assemble_tokens_backward(context const&, tensor_view<T const, 2, context> dtokens,
                              assemble_tokens_backward_args<T, context> const& a) {
  using stat = stat_t<T>;
  index_t const sets = a.source.extent(0) / a.clips, h = dtokens.extent(1);
  for (index_t r = 0; r < a.dprojected.extent(0); ++r)
    for (index_t j = 0; j < h; ++j) a.dprojected(r, j) = T(stat(0));
  for (index_t j = 0; j < h; ++j) {
    stat cls = 0, mask = 0;
    for (index_t s = 0; s < sets; ++s) {
      index_t const first = s * (1 + a.clips);
      cls += stat(dtokens(first, j));
      for (index_t clip = 0; clip < a.clips; ++clip) {
        index_t const source = a.source(s * a.clips + clip);
        T const gradient = dtokens(first + 1 + clip, j);
        a.dposition(s * a.clips + clip, j) = gradient;
        if (source < 0)
          mask += stat(gradient);
        else
          a.dprojected(source, j) = gradient;
      }
    }
    a.dcls_token(j) += cls;
    if (a.dmask_token.has_data()) a.dmask_token(j) += mask;
  }
}

}  // namespace scale::ref
