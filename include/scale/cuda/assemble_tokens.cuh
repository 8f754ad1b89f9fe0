// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kernels that build the token rows of clip sets.

#include <scale/cuda/assemble_tokens.hpp>
#include <scale/cuda/detail/column_sums.cuh>
#include <scale/cuda/detail/elementwise.cuh>

namespace scale::cuda::detail {

template <class T>
struct assemble_tokens_map {
  matrix<T const> projected, position;
  std::int32_t const* source;
  T const *mask_token, *cls_token;
  matrix<T> tokens;
  index_t clips;

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    index_t const set = i / (1 + clips), token = i % (1 + clips);
    if (token == 0) {
      store<Width>(tokens.row(i) + j, load<Width>(cls_token + j));
      return;
    }
    index_t const clip = set * clips + token - 1;
    std::int32_t const from = source[clip];
    lanes<Width> out = load<Width>((from < 0 ? mask_token : projected.row(from)) + j);
    lanes<Width> const p = load<Width>(position.row(clip) + j);
    for (int k = 0; k < Width; ++k) out[k] += p[k];
    store<Width>(tokens.row(i) + j, out);
  }
};

/// dprojected, 0 before, where a source names a row; dposition everywhere.
template <class T>
struct assemble_tokens_gradient {
  matrix<T const> dtokens;
  std::int32_t const* source;
  matrix<T> dprojected, dposition;
  index_t clips;

  template <int Width>
  __device__ void apply(index_t clip, index_t j) const {
    lanes<Width> const d = load<Width>(dtokens.row(clip / clips * (1 + clips) + 1 + clip % clips) + j);
    store<Width>(dposition.row(clip) + j, d);
    if (source[clip] >= 0) store<Width>(dprojected.row(source[clip]) + j, d);
  }
};

/// What masked clips and what first tokens add to the gradients of the two tokens; i counts rows of dtokens.
template <class T>
struct token_terms {
  matrix<T const> dtokens;
  std::int32_t const* source;
  index_t clips;

  __device__ void operator()(index_t i, index_t j, float* sums) const {
    index_t const set = i / (1 + clips), token = i % (1 + clips);
    if (token == 0)
      sums[1] += static_cast<float>(dtokens.row(i)[j]);
    else if (source[set * clips + token - 1] < 0)
      sums[0] += static_cast<float>(dtokens.row(i)[j]);
  }
};

template <class T>
struct zero_map {
  matrix<T> y;

  template <int Width>
  __device__ void apply(index_t i, index_t j) const {
    store<Width>(y.row(i) + j, lanes<Width>{});
  }
};

template <class T>
void launch_assemble_tokens_forward(context const& c, tensor_view<T const, 2, context> projected,
                                    assemble_tokens_forward_args<T, context> const& a) {
  assemble_tokens_map<T> const map{
      projected, a.position, a.source.data_handle(), a.mask_token.data_handle(), a.cls_token.data_handle(),
      a.tokens,  a.clips};
  // the two tokens count as matrices whose alignment matters
  launch_elementwise<T>(c, "assemble_tokens_forward", a.tokens.extent(0), a.tokens.extent(1), map, map.projected,
                        map.position, map.tokens, row_matrix(a.mask_token), row_matrix(a.cls_token));
}

template <class T>
void launch_assemble_tokens_backward(context const& c, tensor_view<T const, 2, context> dtokens,
                                     assemble_tokens_backward_args<T, context> const& a) {
  constexpr auto op = "assemble_tokens_backward";
  zero_map<T> const zero{a.dprojected};
  launch_elementwise<T>(c, op, a.dprojected.extent(0), a.dprojected.extent(1), zero, zero.y);
  assemble_tokens_gradient<T> const map{dtokens, a.source.data_handle(), a.dprojected, a.dposition, a.clips};
  launch_elementwise<T>(c, op, a.dposition.extent(0), dtokens.extent(1), map, map.dtokens, map.dprojected,
                        map.dposition);
  add_column_sums<2>(c, op, dtokens.extent(0), dtokens.extent(1),
                     token_terms<T>{dtokens, a.source.data_handle(), a.clips},
                     {{a.dmask_token.data_handle(), a.dcls_token.data_handle()}});
}

}  // namespace scale::cuda::detail

#define SCALE_CUDA_INSTANTIATE_ASSEMBLE_TOKENS(T)                                        \
  template void scale::cuda::detail::launch_assemble_tokens_forward<T>(                  \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::assemble_tokens_forward_args<T, scale::cuda::context> const&);              \
  template void scale::cuda::detail::launch_assemble_tokens_backward<T>(                 \
      scale::cuda::context const&, scale::tensor_view<T const, 2, scale::cuda::context>, \
      scale::assemble_tokens_backward_args<T, scale::cuda::context> const&);
